"""Patch of an object or one of its subresources: the patch is applied to the latest state and written as an update."""

from __future__ import annotations

from typing import Any

from nsorch.api import failures
from nsorch.api.operations.context import DEFAULT, Context, Write
from nsorch.api.operations.parts import update_part
from nsorch.api.operations.scale import scale_of, update_scale
from nsorch.api.operations.update import document, latest
from nsorch.api.parsing import Validation, parse_document, unknown_fields, validate
from nsorch.api.patch import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, PatchRefused, apply_patch
from nsorch.resources.registry import Kind
from nsorch.resources.scale import Scale
from nsorch.store import Record


async def patch(
    ctx: Context,
    kind: Kind[Any],
    namespace: str | None,
    name: str,
    content_type: str,
    body: bytes,
    write: Write = DEFAULT,
    *,
    subresource: str = "",
    validation: Validation = "Ignore",
    warnings: list[str] | None = None,
) -> Record:
    """Apply a patch; unknown fields go to ``warnings``. A resourceVersion in the patch is checked, without it none is."""
    if kind.shape is not None:
        refuse_strategic(content_type)
    current = latest(ctx, kind, namespace, name)
    if subresource == "scale":
        scale = apply_patch(Scale, content_type, scale_of(kind, current).to_dict(), body)
        wanted = validate(Scale, scale, kind)
        _note(wanted, scale, validation, warnings)
        return await update_scale(ctx, kind, namespace, name, wanted, write)
    patched = apply_patch(kind.model, content_type, document(current), body)
    obj, found = parse_document(kind, patched, validation)
    if warnings is not None:
        warnings.extend(found)
    return await update_part(ctx, kind, namespace, name, obj, write, subresource)


def refuse_strategic(content_type: str) -> None:
    """Failure 415 for a strategic merge patch: only models say how their lists merge."""
    if content_type.partition(";")[0].strip().lower() == STRATEGIC_MERGE_PATCH:
        raise PatchRefused.unsupported(STRATEGIC_MERGE_PATCH, (JSON_PATCH, MERGE_PATCH, APPLY_PATCH))


def _note(scale: Scale, given: dict[str, Any], validation: Validation, warnings: list[str] | None) -> None:
    if validation == "Ignore":
        return
    found = unknown_fields(scale, given)
    if found and validation == "Strict":
        raise failures.bad_request(f"strict decoding error: {', '.join(found)}")
    if warnings is not None:
        warnings.extend(found)
