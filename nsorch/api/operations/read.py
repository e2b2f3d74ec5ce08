"""Get and list, from memory: selectors, pages, earlier revisions.

A page continues after the last key of the one before, as the collection was at the first page's revision: the journal
knows what was changed since (``nsorch.store.history``). A client that then watches from there misses nothing.
Source: k8s.io/apiserver ``pkg/storage/etcd3/store.go`` and the concepts page on resource versions.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from nsorch.api import failures
from nsorch.api.operations import continuing
from nsorch.api.operations.context import Context, ListOptions, Page
from nsorch.resources.meta import Resource
from nsorch.resources.registry import Cause, Kind
from nsorch.resources.selectors import SelectorError, parse_fields, parse_labels
from nsorch.store import Expired, Record

Selects = Callable[[Resource], bool]


def get(ctx: Context, kind: Kind[Any], namespace: str | None, name: str) -> Record:
    """One durable object; Failure 404."""
    record = ctx.store.get(kind.resource, namespace, name)
    if record is None:
        raise failures.not_found(kind, name)
    return record


def selects(kind: Kind[Any], label_selector: str, field_selector: str) -> Selects | None:
    """Whether an object is selected, as a function; None where everything is. Failure 400 on a bad selector."""
    try:
        labels = parse_labels(label_selector) if label_selector else None
        fields = parse_fields(field_selector) if field_selector else ()
    except SelectorError as error:
        what = "label" if label_selector else "field"
        raise failures.bad_request(f"unable to parse {what} selector: {error}") from None
    if not labels and not fields:
        return None
    tests: list[tuple[Callable[[Any], str], str, bool]] = []
    for requirement in fields:
        read = _field(kind, requirement.field)
        tests.append((read, requirement.value, requirement.equal))

    def selected(obj: Resource) -> bool:
        if labels and not labels.matches(obj.metadata.labels):
            return False
        return all((read(obj) == value) is equal for read, value, equal in tests)

    return selected


def _field(kind: Kind[Any], name: str) -> Callable[[Any], str]:
    if name == "metadata.name":
        return lambda obj: obj.metadata.name or ""
    if name == "metadata.namespace":
        return lambda obj: obj.metadata.namespace or ""
    if name in kind.fields:
        return kind.fields[name]
    raise failures.bad_request(f'field label not supported: "{name}" for {kind.resource}')


def list_page(ctx: Context, kind: Kind[Any], namespace: str | None, options: ListOptions) -> Page:
    """The selected objects, ordered by namespace and name; at most ``limit`` of them if that is above 0.

    All pages of one list are of the revision of its first, unless the client goes on with the token of a 410."""
    check_options(options)
    after: tuple[str, str] | None = None
    at: int | None = None
    if options.continue_:
        asked, after = continuing.decode(options.continue_, namespace)
        if options.resource_version not in ("", "0"):
            raise failures.bad_request("specifying resource version is not allowed when using continue")
        if asked > ctx.store.revision:
            raise continuing.expired(namespace, after)
        at = asked if asked > 0 else None
    elif asked_for := version(options.resource_version):
        check_not_ahead(ctx, asked_for)
        if options.match == "Exact" or (not options.match and options.limit > 0):
            at = asked_for
    selected = selects(kind, options.label_selector, options.field_selector)
    try:
        records = _candidates(ctx, kind, namespace, after, at, _single_name(options))
    except Expired:
        if after is not None:
            raise continuing.expired(namespace, after) from None
        raise failures.expired("The resourceVersion for the provided list is too old.") from None
    revision = ctx.store.revision if at is None else at
    if selected is not None:
        records = [record for record in records if selected(record.obj)]
    if options.limit <= 0 or len(records) <= options.limit:
        return Page(records, revision)
    page = records[: options.limit]
    # The count is exact only where nothing was filtered: Kubernetes leaves it out otherwise.
    remaining = len(records) - len(page) if selected is None else None
    return Page(page, revision, continuing.after(revision, namespace, page[-1]), remaining)


def _candidates(
    ctx: Context, kind: Kind[Any], namespace: str | None, after: tuple[str, str] | None, at: int | None, name: str
) -> list[Record]:
    if name and at is None and (namespace or not kind.namespaced):
        record = ctx.store.get(kind.resource, namespace, name)
        return [record] if record is not None and (after is None or (record.namespace, record.name) > after) else []
    return ctx.store.list(kind.resource, namespace, after, at=at)


def _single_name(options: ListOptions) -> str:
    """The name, where the field selector asks for exactly one object: found at once instead of by a scan."""
    for requirement in parse_fields(options.field_selector) if options.field_selector else ():
        if requirement.field == "metadata.name" and requirement.equal:
            return requirement.value
    return ""


def check_options(options: ListOptions) -> None:
    """Failure 422 for what may not be combined. Source: k8s.io/apimachinery ``meta/internalversion/validation``."""
    match = options.match
    if not match:
        return
    causes: list[Cause] = []
    if not options.resource_version:
        causes.append(_forbidden("resourceVersionMatch is forbidden unless resourceVersion is provided"))
    if options.continue_:
        causes.append(_forbidden("resourceVersionMatch is forbidden when continue is provided"))
    if match not in ("Exact", "NotOlderThan"):
        why = f'Unsupported value: {json.dumps(match)}: supported values: "Exact", "NotOlderThan", ""'
        causes.append(Cause("FieldValueNotSupported", "resourceVersionMatch", why))
    if match == "Exact" and options.resource_version == "0":
        causes.append(_forbidden('resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    if causes:
        raise failures.invalid_options("ListOptions", causes)


def _forbidden(why: str) -> Cause:
    return Cause("FieldValueForbidden", "resourceVersionMatch", f"Forbidden: {why}")


def check_not_ahead(ctx: Context, asked: int) -> None:
    """Failure 504 for a resourceVersion that this store has not reached (it was written by another one)."""
    if asked > ctx.store.revision:
        failure = failures.timeout(f"Too large resource version: {asked}, current: {ctx.store.revision}")
        failure.details |= {
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        }
        raise failure


def version(text: str) -> int | None:
    """A resourceVersion as number, None for ""; Failure 400 if it is none."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise failures.bad_request(
            f"invalid resource version: resourceVersion: Invalid value: {json.dumps(text)}: must be a decimal number"
        )
    return int(text)
