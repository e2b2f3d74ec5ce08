"""Deployments on the whole daemon: strategies, pauses, deadlines, revisions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.space import Object, Space, condition, is_ready, main

SLOW = {"exec": {"command": ["sh", "-c", "test -e /tmp/x || { touch /tmp/x; exit 1; }"]}, "periodSeconds": 1}
"""Ready a second after the start."""


def version(number: str, **fields: Any) -> Object:
    return main(env=[{"name": "VERSION", "value": number}], **fields)


def update(here: Space, name: str, container: Object) -> None:
    here.patch("deployments", name, {"spec": {"template": {"spec": {"containers": [container]}}}})


def running_version(here: Space, name: str) -> set[str]:
    return {pod["spec"]["containers"][0]["env"][0]["value"] for pod in here.pods_of(name)}


class Watching:
    """Looks at all Pods after every change of one; ``extreme`` is the most that ``measure`` said."""

    def __init__(self, here: Space, measure: Callable[[list[Object]], int]) -> None:
        self.extreme = 0
        self._measure, self._here, self._end = measure, here, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watching:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._here.create("pods", {"metadata": {"generateName": "last-"}, "spec": {"containers": [main()]}})
        self._thread.join()

    def _watch(self) -> None:
        self._here.until("pods", self._look, what="the end of the rollout")

    def _look(self, pods: dict[str, Object]) -> bool:
        if self._end.is_set() and any(name.startswith("last-") for name in pods):
            return True
        self.extreme = max(
            self.extreme, self._measure([pod for name, pod in pods.items() if not name.startswith("last-")])
        )
        return False


@pytest.mark.parametrize(
    ("surge", "unavailable", "most", "fewest"), [(1, 0, 5, 4), (0, 2, 4, 2), ("50%", "25%", 6, 3), ("100%", 0, 8, 4)]
)
def test_max_surge_and_max_unavailable(
    here: Space, surge: int | str, unavailable: int | str, most: int, fewest: int
) -> None:
    """At every moment: no more Pods than asked for plus surge, no fewer ready ones than asked for minus unavailable."""
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    here.deployment("web", 4, version("1"), strategy={"rollingUpdate": rolling})
    here.rolled_out("web")

    def missing(pods: list[Object]) -> int:
        return 4 - sum(is_ready(pod) for pod in pods)

    def alive(pods: list[Object]) -> int:
        return sum("deletionTimestamp" not in pod["metadata"] for pod in pods)

    with Watching(here, missing) as absent, Watching(here, alive) as present:
        update(here, "web", version("2", readinessProbe=SLOW))
        here.rolled_out("web")
    assert 4 - absent.extreme >= fewest
    assert present.extreme <= most
    assert running_version(here, "web") == {"2"}


def test_recreate(here: Space) -> None:
    """No Pod of the new version before every Pod of the old one is gone."""
    here.deployment("web", 2, version("1"), strategy={"type": "Recreate"})
    here.rolled_out("web")

    def versions(pods: list[Object]) -> int:
        living = [pod for pod in pods if pod["status"].get("phase") not in ("Succeeded", "Failed")]
        return len({pod["spec"]["containers"][0]["env"][0]["value"] for pod in living})

    with Watching(here, versions) as seen:
        update(here, "web", version("2"))
        here.rolled_out("web")
    assert seen.extreme == 1
    assert running_version(here, "web") == {"2"}


def test_paused(here: Space) -> None:
    here.deployment("web", 2, version("1"))
    here.rolled_out("web")
    here.kubectl("rollout", "pause", "deployment/web")
    update(here, "web", version("2"))
    here.patch("deployments", "web", {"spec": {"replicas": 3}})  # scaling goes on, of the old version
    here.until("deployments", lambda found: found["web"]["status"].get("readyReplicas") == 3, what="three are ready")
    assert running_version(here, "web") == {"1"}
    here.kubectl("rollout", "resume", "deployment/web")
    here.rolled_out("web")
    assert running_version(here, "web") == {"2"}


def test_a_rollout_that_comes_to_nothing(here: Space) -> None:
    """The old Pods go on serving, the Deployment says so, and undo mends it."""
    here.deployment("web", 2, version("1"), progressDeadlineSeconds=2)
    here.rolled_out("web")
    old = {pod["metadata"]["uid"] for pod in here.pods_of("web")}
    update(here, "web", version("2", image="not-there:1"))
    stuck = here.until(
        "deployments",
        lambda found: found["web"] if condition(found["web"], "Progressing") == "False" else None,
        what="the progress deadline",
    )
    (progressing,) = [item for item in stuck["status"]["conditions"] if item["type"] == "Progressing"]
    assert progressing["reason"] == "ProgressDeadlineExceeded"
    assert condition(stuck, "Available") == "True"
    status = here.kubectl("rollout", "status", "deployment/web", check=False)
    assert "exceeded its progress deadline" in status.stdout + status.stderr
    assert status.returncode == 1
    here.kubectl("rollout", "undo", "deployment/web")
    here.rolled_out("web")
    assert old == {pod["metadata"]["uid"] for pod in here.pods_of("web")}


def test_revisions(here: Space) -> None:
    here.deployment("web", 1, version("1"), revisionHistoryLimit=2)
    here.rolled_out("web")
    for number in ("2", "3", "4"):
        update(here, "web", version(number))
        here.rolled_out("web")
    here.until("replicasets", lambda found: len(found) == 3, what="the oldest ReplicaSet is gone")
    history = here.kubectl("rollout", "history", "deployment/web").stdout.split()
    assert [word for word in history if word.isdigit()] == ["2", "3", "4"]
    here.kubectl("rollout", "undo", "deployment/web", "--to-revision", "2")
    here.rolled_out("web")
    assert running_version(here, "web") == {"2"}
    gone = here.kubectl("rollout", "undo", "deployment/web", "--to-revision", "1", check=False)
    assert "unable to find" in gone.stderr
    undo = here.cluster.nsorch("rollout", "undo", "web", "-n", here.name)
    assert undo.returncode == 0
    here.rolled_out("web")
    assert running_version(here, "web") == {"4"}


def test_what_belongs_to_a_deployment_goes_with_it(here: Space) -> None:
    here.deployment("web", 3)
    here.rolled_out("web")
    here.kubectl("delete", "deployment", "web", "--cascade=orphan")
    assert len(here.pods_of("web")) == 3
    here.deployment("web", 3)  # takes over what it finds
    here.rolled_out("web")
    assert len(here.list("replicasets")) == 1
    here.kubectl("delete", "deployment", "web", "--cascade=foreground")
    assert here.list("pods") == []
    assert here.list("replicasets") == []
