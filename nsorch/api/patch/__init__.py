"""The kinds of PATCH: JSON Patch, JSON merge patch, strategic merge patch and server-side apply, by Content-Type."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from nsorch.api.patch import json_patch, merge_patch, strategic
from nsorch.api.patch.refused import PatchRefused

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH)

__all__ = [
    "APPLY_PATCH",
    "JSON_PATCH",
    "MERGE_PATCH",
    "PATCH_TYPES",
    "STRATEGIC_MERGE_PATCH",
    "PatchRefused",
    "apply_patch",
]


def apply_patch(model: type[BaseModel], content_type: str, current: dict[str, Any], patch: bytes) -> dict[str, Any]:
    """``current``, the JSON object of a ``model``, after ``patch``; ``current`` is not changed.

    ``content_type`` is the request's header, parameters allowed. Raises PatchRefused (a Failure).
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in PATCH_TYPES or media_type == APPLY_PATCH:  # apply needs to know the owners: operations do it
        raise PatchRefused.unsupported(media_type, PATCH_TYPES)
    try:
        document = json.loads(patch)
    except (ValueError, RecursionError) as error:
        raise PatchRefused.bad(f"error decoding patch: {error}") from error
    try:
        if media_type == STRATEGIC_MERGE_PATCH:
            return strategic.merge(model, current, document)
        if media_type == MERGE_PATCH:
            if not isinstance(document, dict):
                raise PatchRefused.bad("error decoding patch: a merge patch must be a JSON object")
            result = merge_patch.merge(current, document)
        else:
            result = json_patch.apply(current, document)
    except RecursionError as error:
        raise PatchRefused.bad("error decoding patch: nested too deeply") from error
    if not isinstance(result, dict):
        raise PatchRefused.inapplicable("the patched document is not a JSON object")
    return result
