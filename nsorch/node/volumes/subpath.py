"""Make the folder of a subPath without ever following a symbolic link out of the volume."""

from __future__ import annotations

import contextlib
import os


def make_sub_path(base: str, relative: str) -> None:
    """mkdir -p ``base/relative`` one component at a time with O_NOFOLLOW; stops at anything that is no folder.

    What is found there (file, link) is left for the supervisor, which opens it below ``base`` only.
    """
    at = os.open(base, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in relative.split("/"):
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o750, dir_fd=at)
            try:
                deeper = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            except OSError:
                return
            os.close(at)
            at = deeper
    finally:
        os.close(at)
