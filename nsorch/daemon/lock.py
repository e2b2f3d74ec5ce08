"""One daemon for each root: the lock that says so."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from nsorch.kit.files import write_atomic
from nsorch.kit.paths import Paths


class StartFailure(Exception):
    """The daemon cannot start; the message says why."""


@contextlib.contextmanager
def only_daemon(paths: Paths) -> Iterator[None]:
    """Hold the lock of this root; StartFailure if another daemon has it."""
    lock = open(paths.run / "daemon.lock", "w")  # noqa: SIM115 (held until the daemon ends)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        try:
            pid = f" (pid {int(paths.daemon_pid.read_text())})"
        except (OSError, ValueError):
            pid = ""
        raise StartFailure(f"another nsorch daemon{pid} runs for {paths.root}: `nsorch status` tells") from None
    write_atomic(paths.daemon_pid, f"{os.getpid()}\n", mode=0o644)
    try:
        yield
    finally:
        paths.daemon_pid.unlink(missing_ok=True)
        lock.close()
