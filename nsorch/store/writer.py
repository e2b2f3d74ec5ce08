"""The one thread that writes: it commits a batch as one transaction and tells how that went."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nsorch.kit.logs import logger
from nsorch.store.connection import Connect
from nsorch.store.errors import StoreError

log = logger("store")

Statement = tuple[str, tuple[Any, ...]]
"""SQL and its parameters."""


class Writer:
    """Owns the writing connection. ``told`` is called in the writer's thread after each batch, with None or the error."""

    def __init__(self, path: Path, connect: Connect, told: Callable[[StoreError | None], None]) -> None:
        self._path = path
        self._connect = connect
        self._told = told
        self._queue: queue.SimpleQueue[Sequence[Statement] | None] = queue.SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, batch: Sequence[Statement]) -> None:
        """Commit these statements together."""
        self._queue.put(batch)

    def stop(self) -> None:
        """Finish what was submitted and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (batch := self._queue.get()) is not None:
            try:
                self._commit(batch)
            except (sqlite3.Error, OSError) as error:
                log.error("cannot write to %s: %s", self._path, error)
                self._reset()
                self._told(StoreError(f"cannot write to {self._path}: {error}; {_remedy(error)}"))
            except Exception as error:  # whatever it was, those who wait for this batch must hear of it
                log.exception("cannot write to %s", self._path)
                self._reset()
                self._told(StoreError(f"cannot write to {self._path}: {error!r}"))
            else:
                self._told(None)
        self._reset()

    def _commit(self, batch: Sequence[Statement]) -> None:
        if self._connection is None:
            self._connection = self._connect(self._path)
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        for sql, parameters in batch:
            execute(sql, parameters)
        execute("COMMIT")

    def _reset(self) -> None:
        """Close the connection (SQLite rolls back); the next batch opens a new one, free of the old one's trouble."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error as error:
                log.warning("cannot close %s: %s", self._path, error)


def _remedy(error: Exception) -> str:
    text = str(error)
    if "full" in text:
        return "free some space on that disk"
    if "readonly" in text:
        return "make the file and its folder writable"
    return "check the disk that holds it"
