"""The revisions of a Deployment: its ReplicaSets by number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nsorch.cli.options import Session

REVISION = "deployment.kubernetes.io/revision"


def replica_sets(session: Session, deployment: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """The ReplicaSets that the Deployment controls, by revision."""
    kind = session.kinds.find("replicasets.apps")
    answer = session.connection.call("GET", kind.url(deployment["metadata"]["namespace"]))
    uid = deployment["metadata"]["uid"]
    found = {}
    for item in answer["items"]:
        owners = item["metadata"].get("ownerReferences") or ()
        if any(owner["uid"] == uid and owner.get("controller") for owner in owners):
            found[number(item)] = {"apiVersion": kind.api_version, "kind": kind.kind, **item}
    return found


def number(replica_set: Mapping[str, Any]) -> int:
    """Its revision; 0 if it has none (yet)."""
    text = (replica_set["metadata"].get("annotations") or {}).get(REVISION, "")
    return int(text) if text.isdecimal() else 0
