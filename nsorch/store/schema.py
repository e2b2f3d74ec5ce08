"""Tables and numbered migrations. The number of the last one applied is SQLite's ``user_version``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from nsorch.store.errors import StoreError

if TYPE_CHECKING:
    from sqlite_utils import Database


def _first(db: Database) -> None:
    db.table("objects").create(
        {
            "resource": str,
            "namespace": str,
            "name": str,
            "uid": str,
            "owner": str,
            "revision": int,
            "body": bytes,
        },
        pk=("resource", "namespace", "name"),
        not_null={"uid", "owner", "revision", "body"},
    )
    # ``before`` is the body that the change replaced: the body after it is the next change's ``before``, or the
    # object itself. So every change costs one body more on disk, not two.
    db.table("journal").create(
        {
            "revision": int,
            "type": str,
            "resource": str,
            "namespace": str,
            "name": str,
            "uid": str,
            "before_revision": int,
            "before": bytes,
        },
        pk="revision",
        not_null={"type", "resource", "namespace", "name", "uid"},
    )
    db.table("leases").create({"pool": str, "key": str, "value": str}, pk=("pool", "key"), not_null={"value"})
    db.table("leases").create_index(["pool", "value"], unique=True)
    db.table("facts").create({"name": str, "value": int}, pk="name")
    db.table("facts").insert({"name": "compacted", "value": 0})


MIGRATIONS: tuple[Callable[[Database], None], ...] = (_first,)


def migrate(
    connection: sqlite3.Connection, name: str, migrations: tuple[Callable[[Database], None], ...] = MIGRATIONS
) -> None:
    """Bring the database ``name`` up to date; each migration is one transaction."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(migrations):
        raise StoreError(
            f"cannot open {name}: it has schema {version}, this nsorch knows up to {len(migrations)}; "
            "use the newer nsorch that wrote it, or restore a backup"
        )
    if version == len(migrations):
        return
    from sqlite_utils import Database  # imported only when needed: it costs start-up time and memory

    db = Database(connection)
    for number, migration in enumerate(migrations[version:], version + 1):
        # sqlite-utils joins a transaction that is open, so that a migration happens as a whole or not at all.
        connection.execute("BEGIN IMMEDIATE")
        try:
            migration(db)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
