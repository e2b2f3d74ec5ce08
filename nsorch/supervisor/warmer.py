"""A helper of the spawner that pays for cgroups' slow first move ahead of time.

On version 2 the first process to change its cgroup after an idle second waits 5 to 10 ms in the kernel. While a new Pod's
network and mounts are made, this process makes a harmless move of its own, so that the Pod's process need not wait.
Version 1 has a way without that wait (``Group.attach``), so there is no such helper.
"""

from __future__ import annotations

import os
import signal

from nsorch.linux import cgroups, process


class Warmer:
    """``start()`` forks it where it is of use; it ends by itself when the spawner does."""

    def __init__(self) -> None:
        self._pipe = -1

    def start(self) -> None:
        if not cgroups.layout().unified:
            return
        reader, writer = os.pipe()
        if os.fork():
            os.close(reader)
            os.set_blocking(writer, False)
            self._pipe = writer
            return
        try:
            os.close(writer)
            signal.set_wakeup_fd(-1)
            process.set_pdeathsig()
            process.set_name("nsorch-warmer")
            process.set_title("nsorch-warmer")
            while os.read(reader, 4096):
                cgroups.warm()
        finally:
            os._exit(0)

    def warm(self) -> None:
        """Ask for it; never waits."""
        if self._pipe >= 0:
            try:
                os.write(self._pipe, b"w")
            except OSError:
                pass  # busy or dead: only time is lost

    def close(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
