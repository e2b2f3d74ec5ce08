"""An operator as people write them with kopf: children, status, a finalizer, a timer. Run by ``kopf run``."""

from __future__ import annotations

from typing import Any

import kopf


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.posting.enabled = True
    settings.persistence.finalizer = "example.com/greeter"


@kopf.on.create("example.com", "v1", "greetings")
@kopf.on.update("example.com", "v1", "greetings", field="spec.text")
def greet(
    spec: kopf.Spec, name: str, namespace: str, patch: kopf.Patch, logger: kopf.Logger, **_: Any
) -> dict[str, Any]:
    """Make the answer's time known in the status."""
    patch.status["said"] = f"{spec['text']}, {spec['whom']}"
    kopf.info(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, reason="Greeted", message=name
    )
    return {"length": len(spec["text"])}


@kopf.timer("example.com", "v1", "greetings", interval=0.3)
def tick(status: kopf.Status, patch: kopf.Patch, **_: Any) -> None:
    patch.status["ticks"] = status.get("ticks", 0) + 1


@kopf.on.delete("example.com", "v1", "greetings")
def part(**_: Any) -> None:
    """Holds the object until it has run: the finalizer."""
