"""Opening the database file: its settings, its lock, and the check that it is sound."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from nsorch.store.errors import StoreError
from nsorch.store.schema import migrate

Connect = Callable[[Path], sqlite3.Connection]


def connect(path: Path) -> sqlite3.Connection:
    """A connection with autocommit off our hands: transactions are opened and closed by SQL alone."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def lock(path: Path) -> int:
    """Hold the database for this process; two daemons on one file would each decide alone. Returns the descriptor."""
    fd = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise StoreError(f"cannot open {path}: another nsorch daemon uses it; stop that one first") from None
    return fd


def prepare(path: Path) -> None:
    """Make the file if it is new (0600: it holds Secrets), check it, and migrate it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        connection = connect(path)
        try:
            if path.stat().st_size == 0:
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            problems = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
            if problems != ["ok"]:
                raise StoreError(f"cannot open {path}: the database is corrupt ({'; '.join(problems)}); {REMEDY}")
            migrate(connection, str(path))
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise StoreError(f"cannot open {path}: {error}") from error
        raise StoreError(f"cannot open {path}: the database is corrupt ({error}); {REMEDY}") from error
    except OSError as error:
        raise StoreError(f"cannot open {path}: {error.strerror or error}") from error


REMEDY = "restore a backup, or move the file away to start empty"
