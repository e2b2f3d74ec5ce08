"""Reading the whole database at start: objects, leases, and the journal from which watches resume."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from nsorch.store.connection import connect
from nsorch.store.errors import StoreError
from nsorch.store.journal import Journal
from nsorch.store.memory import Objects
from nsorch.store.record import Change, Key, Parse, Record


def load(
    path: Path,
    parse: Parse,
    journal: Journal,
    objects: dict[str, Objects],
    leases: dict[str, dict[str, str]],
) -> None:
    """Fill the three from the database at ``path``."""
    try:
        connection = connect(path)
        try:
            _load_objects(connection, parse, objects)
            for pool, key, value in connection.execute("SELECT pool, key, value FROM leases"):
                leases.setdefault(pool, {})[key] = value
            _load_journal(connection, parse, journal, objects)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreError(f"cannot read {path}: {error}") from error


def _load_objects(connection: sqlite3.Connection, parse: Parse, objects: dict[str, Objects]) -> None:
    rows: dict[str, list[tuple[Record, str]]] = {}
    for resource, namespace, name, uid, owner, revision, body in connection.execute(
        "SELECT resource, namespace, name, uid, owner, revision, body FROM objects"
    ):
        record = Record(Key(resource, namespace, name), uid, revision, body, parse)
        rows.setdefault(resource, []).append((record, owner))
    for resource, found in rows.items():
        objects[resource] = Objects()
        objects[resource].load(found)


def _load_journal(connection: sqlite3.Connection, parse: Parse, journal: Journal, objects: dict[str, Objects]) -> None:
    """Walk from the newest change to the oldest: a change's outcome is what the next one on that object replaced."""
    outcome: dict[Key, Record] = {}
    changes: list[Change] = []
    for revision, type_, resource, namespace, name, uid, before_revision, before in connection.execute(
        "SELECT revision, type, resource, namespace, name, uid, before_revision, before FROM journal ORDER BY revision DESC"
    ):
        key = Key(resource, namespace, name)
        previous = None if before is None else Record(key, uid, before_revision, before, parse)
        if type_ == "DELETED":
            record = previous.at(revision) if previous else None
        else:
            record = outcome.get(key) or (objects[resource].get(key) if resource in objects else None)
        if record is None or record.revision != revision:
            raise StoreError(f"cannot read the journal: the state of {key} at revision {revision} is missing")
        changes.append(Change(type_, record, previous))
        if previous is not None:
            outcome[key] = previous
        else:
            outcome.pop(key, None)
    (compacted,) = connection.execute("SELECT value FROM facts WHERE name = 'compacted'").fetchone()
    journal.compacted = compacted
    # An empty store starts at 1: to clients, resourceVersion "0" means "any".
    journal.revision = max(1, compacted)
    for change in reversed(changes):
        journal.append(change)
