"""Options of requests: query parameters and the body of DELETE."""

from __future__ import annotations

import asyncio
import json
import zlib

from aiohttp.web import RequestPayloadError

from nsorch.api import failures
from nsorch.api.call import Call
from nsorch.api.content import body_type
from nsorch.api.operations import Deletion, ListOptions, Write
from nsorch.api.parsing import Validation, decode, field_validation, validate
from nsorch.api.patch import APPLY_PATCH
from nsorch.resources.registry import Cause
from nsorch.resources.requests import DeleteOptions

NAMES = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions", "DELETE": "DeleteOptions"}
"""How the options of a request are called, by its method."""
LONGEST_MANAGER = 128
BODY_SECONDS = 60.0
"""A body that trickles in more slowly is given up."""


def write_options(call: Call) -> Write:
    """``dryRun`` and ``fieldManager`` of a write; Failure 422."""
    name = NAMES.get(call.request.method, "UpdateOptions")
    applies = call.request.content_type == APPLY_PATCH
    causes: list[Cause] = []
    if name == "PatchOptions":
        if applies and not call.text("fieldManager"):
            causes.append(Cause("FieldValueRequired", "fieldManager", "Required value: is required for apply patch"))
        elif not applies and call.text("force"):
            why = "Forbidden: may not be specified for non-apply patch"
            causes.append(Cause("FieldValueForbidden", "force", why))
    given = call.text("fieldManager")
    if len(given) > LONGEST_MANAGER:
        why = f"Too long: may not be more than {LONGEST_MANAGER} bytes"
        causes.append(Cause("FieldValueTooLong", "fieldManager", why))
    if not given.isprintable():
        odd, at = next((letter, at) for at, letter in enumerate(given) if not letter.isprintable())
        why = f"Invalid value: {json.dumps(given)}: invalid character U+{ord(odd):04X} (at position {at})"
        causes.append(Cause("FieldValueInvalid", "fieldManager", why))
    if causes:
        raise failures.invalid_options(name, causes)
    return Write(dry_run=dry_run(call.request.query.getall("dryRun", []), name), manager=manager(call), user=call.user)


def validation(call: Call) -> Validation:
    """``fieldValidation``; Failure 422."""
    return field_validation(call.text("fieldValidation"), NAMES.get(call.request.method, "UpdateOptions"))


def dry_run(values: list[str] | None, name: str = "DeleteOptions") -> bool:
    """Failure 422 for anything but All."""
    found = [value for value in values or () if value]
    for value in found:
        if value != "All":
            why = f'Unsupported value: {json.dumps(value)}: supported values: "All"'
            raise failures.invalid_options(name, [Cause("FieldValueNotSupported", "dryRun", why)])
    return bool(found)


def manager(call: Call) -> str:
    """Who writes: as stated, else the program in ``User-Agent`` before its first slash."""
    agent = call.request.headers.get("User-Agent", "").partition("/")[0]
    return call.text("fieldManager") or agent[:LONGEST_MANAGER] or "unknown"


def list_options(call: Call) -> ListOptions:
    """Selectors and paging of a list or collection."""
    return ListOptions(
        label_selector=call.text("labelSelector"),
        field_selector=call.text("fieldSelector"),
        limit=call.number("limit") or 0,
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
    """``metav1.DeleteOptions`` as the operations take it; Failure 422 on bad values."""
    propagation = given.propagationPolicy or ""
    if given.orphanDependents is not None:
        if propagation:
            why = (
                f"Invalid value: {json.dumps(propagation)}: orphanDependents and deletionPropagation cannot be both set"
            )
            raise failures.invalid_options("DeleteOptions", [Cause("FieldValueInvalid", "propagationPolicy", why)])
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
    why = f'Unsupported value: {json.dumps(propagation)}: supported values: "Foreground", "Background", "Orphan", "nil"'
    raise failures.invalid_options("DeleteOptions", [Cause("FieldValueNotSupported", "propagationPolicy", why)])


async def read_body(call: Call) -> bytes:
    """The request's body, unpacked. Failure 413 above the limit, 408 if it does not come, 400 if it is broken."""
    if call.body is None:
        call.body = await _read_body(call)
    return call.body


async def _read_body(call: Call) -> bytes:
    limit = call.api.settings.body_limit
    if (call.request.content_length or 0) > limit:
        raise failures.too_large(limit)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in call.request.content.iter_any():
                size += len(chunk)
                if size > limit:
                    raise failures.too_large(limit)
                chunks.append(chunk)
    except TimeoutError:
        raise failures.Failure(408, "Timeout", f"the body did not arrive within {BODY_SECONDS:g} seconds") from None
    except RequestPayloadError as error:
        raise failures.bad_request(f"the body cannot be read: {error}") from None
    body = b"".join(chunks)
    coding = call.request.headers.get("Content-Encoding", "").strip().lower()
    if coding in ("", "identity"):
        return body
    if coding != "gzip":
        raise failures.unsupported_media_type(("Content-Encoding: gzip", "Content-Encoding: identity"))
    try:
        # At most one byte more than the limit is made of however little there is.
        body = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(body, limit + 1)
    except zlib.error as error:
        raise failures.bad_request(f"the body is no gzip: {error}") from None
    if len(body) > limit:
        raise failures.too_large(limit)
    return body
