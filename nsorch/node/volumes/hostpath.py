"""hostPath and its types: https://kubernetes.io/docs/concepts/storage/volumes/#hostpath-volume-types"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from nsorch.node.compiler.failures import MountError

_KINDS: dict[str, tuple[str, Callable[[int], bool]]] = {
    "Directory": ("a directory", stat.S_ISDIR),
    "File": ("a file", stat.S_ISREG),
    "Socket": ("a socket file", stat.S_ISSOCK),
    "CharDevice": ("a character device", stat.S_ISCHR),
    "BlockDevice": ("a block device", stat.S_ISBLK),
}


def prepare_host_path(volume: str, path: str, type: str) -> None:
    """Check ``path`` against ``type``, or make it for the ``...OrCreate`` types; MountError says what is wrong."""
    where = Path(path)
    try:
        if type == "DirectoryOrCreate":
            where.mkdir(mode=0o755, parents=True, exist_ok=True)
            type = "Directory"
        elif type == "FileOrCreate":
            if not where.exists():
                os.close(os.open(where, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))
            type = "File"
        elif type == "":
            # Container runtimes make a missing folder; a user who cares names a type.
            if not where.exists():
                where.mkdir(mode=0o755, parents=True)
            return
        mode = where.stat().st_mode
    except OSError as error:
        raise MountError(volume, f"hostPath type check failed: {path}: {error.strerror}") from error
    if type not in _KINDS:
        raise MountError(volume, f'hostPath type "{type}" is unknown')
    word, is_kind = _KINDS[type]
    if not is_kind(mode):
        raise MountError(volume, f"hostPath type check failed: {path} is not {word}")
