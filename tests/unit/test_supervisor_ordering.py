"""Which container starts or stops next."""

from __future__ import annotations

from typing import Any

from nsorch.supervisor.ordering import Next, Role, View, decide


def view(name: str, role: Role = "main", **more: Any) -> View:
    return View(name=name, role=role, **more)


def idle(name: str, role: Role = "main") -> View:
    return view(name, role, idle=True)


def done(name: str, role: Role = "main", succeeded: bool = True) -> View:
    return view(name, role, done=True, succeeded=succeeded)


def test_init_containers_run_one_after_the_other() -> None:
    assert decide([idle("a", "init"), idle("b", "init"), idle("m")], stopping=False) == Next(start=("a",))
    assert decide([view("a", "init"), idle("b", "init"), idle("m")], stopping=False) == Next()
    assert decide([done("a", "init"), idle("b", "init"), idle("m")], stopping=False) == Next(start=("b",))
    step = decide([done("a", "init"), done("b", "init"), idle("m"), idle("n")], stopping=False)
    assert step == Next(start=("m", "n"), initialized=True)


def test_a_sidecar_only_has_to_be_started() -> None:
    assert decide([view("s", "sidecar"), idle("m")], stopping=False) == Next()
    step = decide([view("s", "sidecar", started=True), idle("m")], stopping=False)
    assert step.start == ("m",)


def test_a_failed_init_container_ends_everything() -> None:
    failed = done("a", "init", succeeded=False)
    assert decide([view("s", "sidecar", started=True), failed, idle("m")], stopping=False) == Next(stop=("s",))
    assert decide([done("s", "sidecar"), failed, idle("m")], stopping=False) == Next(over=True)


def test_sidecars_stop_in_reverse_order_after_main() -> None:
    sidecars = [view("s1", "sidecar", started=True), view("s2", "sidecar", started=True)]
    assert decide([*sidecars, view("m"), view("n")], stopping=True) == Next(stop=("m", "n"))
    assert decide([*sidecars, done("m"), view("n")], stopping=True) == Next(stop=("n",))
    assert decide([*sidecars, done("m"), done("n")], stopping=True) == Next(stop=("s2",))
    assert decide([sidecars[0], done("s2", "sidecar"), done("m")], stopping=True) == Next(stop=("s1",))
    assert decide([done("s1", "sidecar"), done("m")], stopping=True) == Next(over=True)


def test_a_completed_pod_stops_its_sidecars_and_ephemeral_containers() -> None:
    step = decide([view("s", "sidecar", started=True), done("m"), view("e", "ephemeral")], stopping=False)
    assert step == Next(stop=("e",), initialized=True)
    step = decide([view("s", "sidecar", started=True), done("m"), done("e", "ephemeral")], stopping=False)
    assert step == Next(stop=("s",), initialized=True)
    assert decide([done("s", "sidecar"), done("m")], stopping=False) == Next(over=True, initialized=True)


def test_a_pod_without_main_containers_goes_on() -> None:
    assert decide([done("a", "init")], stopping=False) == Next(initialized=True)
