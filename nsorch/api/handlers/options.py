"""Options of requests: query parameters and the body of DELETE."""

from __future__ import annotations

from nsorch.api import failures
from nsorch.api.call import Call
from nsorch.api.content import body_type
from nsorch.api.operations import Deletion, ListOptions, Write
from nsorch.api.parsing import decode, validate
from nsorch.resources.requests import DeleteOptions


def write_options(call: Call) -> Write:
    """``dryRun`` and ``fieldManager`` of a write."""
    return Write(dry_run=dry_run(call.request.query.getall("dryRun", [])), manager=manager(call))


def dry_run(values: list[str] | None) -> bool:
    """Failure 400 for anything but All."""
    found = [value for value in values or () if value]
    for value in found:
        if value != "All":
            raise failures.bad_request(f'dryRun: Unsupported value: "{value}": supported values: "All"')
    return bool(found)


def manager(call: Call) -> str:
    """Who writes: as stated, else the program in ``User-Agent`` before its first slash."""
    name = call.text("fieldManager")
    if len(name) > 128:
        raise failures.bad_request("fieldManager: Too long: may not be more than 128 bytes")
    return name or call.request.headers.get("User-Agent", "").partition("/")[0][:128] or "unknown"


def list_options(call: Call) -> ListOptions:
    """Selectors and paging of a list or collection."""
    limit = call.number("limit") or 0
    if limit < 0:
        raise failures.bad_request(f"limit: Invalid value: {limit}: must be greater than or equal to 0")
    return ListOptions(
        label_selector=call.text("labelSelector"),
        field_selector=call.text("fieldSelector"),
        limit=limit,
        continue_=call.text("continue"),
        resource_version=call.text("resourceVersion"),
        match=call.text("resourceVersionMatch"),
    )


async def deletion(call: Call) -> Deletion:
    """DeleteOptions from the body, where there is one, else from the query."""
    raw = await read_body(call)
    if raw.strip():
        document = decode(raw, body_type(call.request.content_type), depth_limit=20, what="DeleteOptions")
        given = validate(DeleteOptions, document)
        return of_options(given, dry_run(call.request.query.getall("dryRun", [])))
    return of_options(
        DeleteOptions(
            gracePeriodSeconds=call.number("gracePeriodSeconds"),
            propagationPolicy=call.text("propagationPolicy") or None,
            orphanDependents=call.flag("orphanDependents") if "orphanDependents" in call.request.query else None,
        ),
        dry_run(call.request.query.getall("dryRun", [])),
    )


def of_options(given: DeleteOptions, dry: bool = False) -> Deletion:
    """``metav1.DeleteOptions`` as the operations take it; Failure 400 or 422 on bad values."""
    propagation = given.propagationPolicy or ""
    if given.orphanDependents is not None:
        if propagation:
            raise failures.bad_request("orphanDependents and deletionPropagation cannot be both set")
        propagation = "Orphan" if given.orphanDependents else "Background"
    base = {
        "grace_seconds": None
        if given.gracePeriodSeconds is None
        else max(given.gracePeriodSeconds, 1)
        if given.gracePeriodSeconds != 0
        else 0,
        "uid": given.preconditions.uid if given.preconditions else None,
        "resource_version": given.preconditions.resourceVersion if given.preconditions else None,
        "dry_run": dry or dry_run(given.dryRun),
    }
    match propagation:
        case "" | "Background" | "Foreground" | "Orphan":
            return Deletion(propagation=propagation, **base)  # type: ignore[arg-type]
    raise failures.bad_request(
        f'propagationPolicy: Unsupported value: "{propagation}": supported values: '
        '"Foreground", "Background", "Orphan", "nil"'
    )


async def read_body(call: Call) -> bytes:
    """The request's body; Failure 413 above the limit."""
    limit = call.api.settings.body_limit
    if (call.request.content_length or 0) > limit:
        raise failures.too_large(limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in call.request.content.iter_any():
        size += len(chunk)
        if size > limit:
            raise failures.too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)
