"""``pods/ephemeralcontainers``: containers are added to a Pod that runs, and nothing else changes through it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Cluster, cluster, pod
from tests.support.loops import on_a_loop

WEB = "/api/v1/namespaces/default/pods/web"
PART = f"{WEB}/ephemeralcontainers"
STRATEGIC = "application/strategic-merge-patch+json"


def debugger(name: str = "debugger", **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": "busybox", "stdin": True, "tty": True, **fields}


async def add(api: Cluster, *containers: dict[str, Any]) -> Any:
    """As ``kubectl debug`` does it."""
    patch = {"spec": {"ephemeralContainers": list(containers)}}
    return await api.call("PATCH", PART, patch, type=STRATEGIC)


@on_a_loop
async def test_a_container_is_added_by_patch_and_by_update(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        made = await api.call("POST", "/api/v1/namespaces/default/pods", pod())
        added = await add(api, debugger(targetContainerName="main"))
        assert added.code == 200
        [container] = added.body["spec"]["ephemeralContainers"]
        assert (container["name"], container["terminationMessagePolicy"]) == ("debugger", "File")
        assert added.body["metadata"]["generation"] == made.body["metadata"]["generation"] + 1
        body = (await api.call("GET", PART)).body
        assert body == added.body
        body["spec"]["ephemeralContainers"].append(debugger("second"))
        body["spec"]["containers"][0]["image"] = "other"
        body["metadata"]["labels"] = {"app": "other"}
        put = await api.call("PUT", PART, body)
        assert put.code == 200
        assert [one["name"] for one in put.body["spec"]["ephemeralContainers"]] == ["debugger", "second"]
        assert put.body["spec"]["containers"][0]["image"] == "busybox"
        assert put.body["metadata"]["labels"] == {"app": "web"}
        assert (await api.call("PUT", PART, body)).code == 409
        seen = {entry.get("subresource") for entry in put.body["metadata"]["managedFields"]}
        assert "ephemeralcontainers" in seen


@on_a_loop
async def test_those_that_are_there_neither_change_nor_go(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await api.call("POST", "/api/v1/namespaces/default/pods", pod())
        body = (await add(api, debugger())).body
        assert "may not be changed" in (await add(api, debugger(image="other"))).body["message"]
        del body["spec"]["ephemeralContainers"]
        gone = await api.call("PUT", PART, body)
        assert (gone.code, gone.body["message"]) == (
            422,
            'Pod "web" is invalid: spec.ephemeralContainers: Forbidden: existing ephemeral containers "debugger" '
            "may not be removed",
        )
        plain = await api.call("PUT", WEB, body)
        assert plain.code == 422
        assert (await api.call("PATCH", f"{WEB}x/ephemeralcontainers", b"{}", type=STRATEGIC)).code == 404


@pytest.mark.parametrize(
    ("container", "field"),
    [
        (debugger("main"), "name"),
        (debugger(resources={"limits": {"cpu": "1"}}), "resources"),
        (debugger(ports=[{"containerPort": 80}]), "ports"),
        (debugger(livenessProbe={"exec": {"command": ["true"]}}), "livenessProbe"),
        (debugger(targetContainerName="nobody"), "targetContainerName"),
        (debugger(image=""), "image"),
    ],
)
@on_a_loop
async def test_what_an_ephemeral_container_cannot_be(tmp_path: Path, container: dict[str, Any], field: str) -> None:
    async with cluster(tmp_path) as api:
        await api.call("POST", "/api/v1/namespaces/default/pods", pod())
        refused = await add(api, container)
        assert refused.code == 422
        assert f"spec.ephemeralContainers[0].{field}" in refused.body["message"]
        assert "ephemeralContainers" not in (await api.call("GET", WEB)).body["spec"]
