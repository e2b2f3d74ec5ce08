"""How lists and maps merge: the official schema's ``x-kubernetes-*`` marks, carried by the models' own fields.

A field that merges is annotated with one of the constants here::

    containers: Annotated[list[Container], MERGE_BY_NAME]

The marks are the field's ``json_schema_extra`` under their official names (``x-kubernetes-patch-strategy``,
``x-kubernetes-patch-merge-key``, ``x-kubernetes-list-type``, ``x-kubernetes-list-map-keys``), so they appear in the
JSON schema as Kubernetes publishes it, and ``merging_of(model, field)`` reads them for strategic merge patches.
A field without marks is replaced as a whole, unless it is an object, whose fields merge one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

ListType = Literal["atomic", "set", "map"]


@dataclass(frozen=True, slots=True)
class Merging:
    """How one field merges."""

    strategy: str = ""
    """Strategic merge patch: "" (replace; objects merge), "merge", "retainKeys" or "merge,retainKeys"."""
    merge_key: str = ""
    """The field that tells the items of a merged list apart; "" for lists of plain values."""
    list_type: ListType | None = None
    """Server-side apply: how the list is owned; None counts as atomic."""
    list_keys: tuple[str, ...] = ()
    """Server-side apply: the fields that together tell items of a ``map`` list apart."""


def _marked(
    strategy: str = "",
    merge_key: str = "",
    list_type: ListType | None = None,
    list_keys: tuple[str, ...] = (),
    map_type: str = "",
) -> Any:
    marks: dict[str, Any] = {}
    if strategy:
        marks["x-kubernetes-patch-strategy"] = strategy
    if merge_key:
        marks["x-kubernetes-patch-merge-key"] = merge_key
    if list_type:
        marks["x-kubernetes-list-type"] = list_type
    if list_keys:
        marks["x-kubernetes-list-map-keys"] = list(list_keys)
    if map_type:
        marks["x-kubernetes-map-type"] = map_type
    return Field(json_schema_extra=marks)


ATOMIC = _marked(list_type="atomic")
ATOMIC_MAP = _marked(map_type="atomic")
SET = _marked(list_type="set")
SET_MERGE = _marked("merge", list_type="set")
MERGE = _marked("merge")
RETAIN_KEYS = _marked("retainKeys")
LISTED_BY_TYPE = _marked(list_type="map", list_keys=("type",))
LISTED_BY_NAME = _marked(list_type="map", list_keys=("name",))
LISTED_BY_RESOURCE_ID = _marked(list_type="map", list_keys=("resourceID",))
MERGE_BY_NAME = _marked("merge", "name", "map", ("name",))
MERGE_RETAIN_BY_NAME = _marked("merge,retainKeys", "name", "map", ("name",))
MERGE_BY_CONTAINER_PORT = _marked("merge", "containerPort", "map", ("containerPort", "protocol"))
MERGE_BY_PORT = _marked("merge", "port", "map", ("port", "protocol"))
MERGE_BY_DEVICE_PATH = _marked("merge", "devicePath", "map", ("devicePath",))
MERGE_BY_MOUNT_PATH = _marked("merge", "mountPath", "map", ("mountPath",))
MERGE_BY_TOPOLOGY_KEY = _marked("merge", "topologyKey", "map", ("topologyKey", "whenUnsatisfiable"))
MERGE_BY_IP = _marked("merge", "ip", "map", ("ip",))
MERGE_BY_RULE = _marked("merge", "rule", "map", ("rule",))
MERGE_BY_TYPE = _marked("merge", "type", "map", ("type",))
MERGE_BY_UID = _marked("merge", "uid", "map", ("uid",))
ATOMIC_MERGE_BY_IP = _marked("merge", "ip", "atomic")


def merging_of(model: type[BaseModel], field: str) -> Merging:
    """How ``field`` (its JSON name) of ``model`` merges; the empty ``Merging()`` for unmarked or unknown fields."""
    info = _field(model, field)
    extra = info.json_schema_extra if info is not None else None
    if not isinstance(extra, dict):
        return Merging()
    keys: Any = extra.get("x-kubernetes-list-map-keys") or ()
    list_type: Any = extra.get("x-kubernetes-list-type")
    return Merging(
        strategy=str(extra.get("x-kubernetes-patch-strategy") or ""),
        merge_key=str(extra.get("x-kubernetes-patch-merge-key") or ""),
        list_type=list_type,
        list_keys=tuple(keys),
    )


def patch_strategy(model: type[BaseModel], field: str) -> tuple[str, str]:
    """(strategy, merge key) of ``field`` (its JSON name) for strategic merge patches; ("", "") means replace."""
    merging = merging_of(model, field)
    return merging.strategy, merging.merge_key


def _field(model: type[BaseModel], name: str) -> FieldInfo | None:
    info = model.model_fields.get(name)
    if info is not None:
        return info
    for info in model.model_fields.values():
        if info.alias == name:
            return info
    return None
