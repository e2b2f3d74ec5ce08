"""What a collection was like at an earlier revision: its present state with the changes since then undone.

No snapshot is kept for it: each change in the journal holds the state that it replaced.
"""

from __future__ import annotations

from collections.abc import Iterable

from nsorch.store.errors import Expired
from nsorch.store.journal import Journal
from nsorch.store.record import Key, Record


def undo(
    journal: Journal,
    resource: str,
    present: Iterable[Record],
    revision: int,
    namespace: str | None,
    after: Key | None = None,
) -> list[Record]:
    """``present`` (of ``namespace``, behind ``after``) as it was at ``revision``, in the same order. ``Expired``."""
    if revision < journal.compacted:
        raise Expired(f"too old resource version: {revision} ({journal.compacted})")
    before: dict[Key, Record | None] = {}
    for change in reversed(journal.log(resource).changes):
        if change.revision <= revision:
            break
        before[change.record.key] = None if change.type == "ADDED" else change.previous
    if not before:
        return list(present)
    found = [record for record in present if record.key not in before]
    for key, record in before.items():
        if record is None or (namespace is not None and key.namespace != namespace):
            continue
        if after is None or key > after:
            found.append(record)
    found.sort(key=lambda record: record.key)
    return found
