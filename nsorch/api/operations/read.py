"""Get and list, from memory: selectors, pages.

A page continues after the last key of the one before and reports the first page's revision, so that a client that
then watches from there hears of everything that changed meanwhile. No snapshot needs to be kept for that.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from nsorch.api import failures
from nsorch.api.operations.context import Context, ListOptions, Page
from nsorch.resources.meta import Resource
from nsorch.resources.registry import Kind
from nsorch.resources.selectors import SelectorError, parse_fields, parse_labels
from nsorch.store import Record

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
    """The selected objects, ordered by namespace and name; at most ``limit`` of them if that is not 0."""
    after: tuple[str, str] | None = None
    revision = ctx.store.revision
    if options.continue_:
        revision, after = _decode(options.continue_, namespace)
    else:
        _check_version(ctx, options)
    selected = selects(kind, options.label_selector, options.field_selector)
    name = _single_name(options)
    records = _candidates(ctx, kind, namespace, after, name)
    if selected is not None:
        records = [record for record in records if selected(record.obj)]
    if options.limit <= 0 or len(records) <= options.limit:
        return Page(records, revision)
    page = records[: options.limit]
    # The count is exact only where nothing was filtered: Kubernetes leaves it out otherwise.
    remaining = len(records) - len(page) if selected is None else None
    return Page(page, revision, _encode(revision, page[-1]), remaining)


def _candidates(
    ctx: Context, kind: Kind[Any], namespace: str | None, after: tuple[str, str] | None, name: str
) -> list[Record]:
    if name and (namespace or not kind.namespaced):
        record = ctx.store.get(kind.resource, namespace, name)
        return [record] if record is not None and (after is None or (record.namespace, record.name) > after) else []
    return ctx.store.list(kind.resource, namespace, after)


def _single_name(options: ListOptions) -> str:
    """The name, where the field selector asks for exactly one object: found at once instead of by a scan."""
    for requirement in parse_fields(options.field_selector) if options.field_selector else ():
        if requirement.field == "metadata.name" and requirement.equal:
            return requirement.value
    return ""


def _check_version(ctx: Context, options: ListOptions) -> None:
    if options.match and options.match not in ("Exact", "NotOlderThan"):
        raise failures.bad_request(
            f'resourceVersionMatch: Unsupported value: "{options.match}": supported values: "Exact", "NotOlderThan"'
        )
    if options.match and not options.resource_version:
        raise failures.bad_request(
            "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
        )
    asked = version(options.resource_version)
    if asked is None:
        return
    check_not_ahead(ctx, asked)
    if options.match == "Exact" and asked != ctx.store.revision:
        if asked == 0:
            raise failures.bad_request(
                'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            )
        raise failures.expired(f"The resourceVersion for the provided list is too old: {asked}")


def check_not_ahead(ctx: Context, asked: int) -> None:
    """Failure 504 for a resourceVersion that this store has not reached (it was written by another one)."""
    if asked > ctx.store.revision:
        failure = failures.timeout(f"Too large resource version: {asked}, current: {ctx.store.revision}")
        failure.details = {
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        }
        raise failure


def version(text: str) -> int | None:
    """A resourceVersion as number, None for ""; Failure 400 if it is none."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise failures.bad_request(f'resourceVersion: Invalid value: "{text}": must be a decimal number')
    return int(text)


def _encode(revision: int, last: Record) -> str:
    token = json.dumps({"v": "nsorch/v1", "rv": revision, "ns": last.namespace, "n": last.name}, separators=(",", ":"))
    return base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


def _decode(token: str, namespace: str | None) -> tuple[int, tuple[str, str]]:
    try:
        data = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        if data["v"] != "nsorch/v1" or not isinstance(data["ns"], str) or not isinstance(data["n"], str):
            raise ValueError("not a continue token of this server")
        if namespace is not None and data["ns"] != namespace:
            raise ValueError(f'it belongs to namespace "{data["ns"]}"')
        return int(data["rv"]), (data["ns"], data["n"])
    except (ValueError, KeyError, TypeError) as error:
        raise failures.bad_request(f"continue key is not valid: {error}") from None
