"""Paths that never leave a folder, however hostile the names and symbolic links in it are.

Symbolic links met on the way are followed as a process chrooted into the folder would: an absolute target starts at the
folder, ``..`` stops there. The folder is private to the caller while it works (nobody swaps links meanwhile), therefore
plain path operations after the resolution are enough.
"""

from __future__ import annotations

import os
import stat
from pathlib import PurePosixPath

MAX_LINKS = 40
"""As many as the kernel follows (MAXSYMLINKS)."""
MAX_PATH = 4096
MAX_NAME = 255


class UnsafePath(ValueError):
    """A name that would leave the folder or cannot exist."""


def clean(name: str) -> tuple[str, ...]:
    """The components of an archive member's name; leading ``/`` and ``./`` mean the root.

    ``UnsafePath`` for ``..``, NUL bytes and names longer than Linux allows.
    """
    if "\0" in name:
        raise UnsafePath(f"{name!r} contains a NUL byte")
    raw = os.fsencode(name)
    if len(raw) > MAX_PATH:
        raise UnsafePath(f"a path of {len(raw)} bytes is longer than Linux allows ({MAX_PATH})")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    for part in parts:
        if part == "..":
            raise UnsafePath(f'"{name}" leaves the root with ".."')
        if len(os.fsencode(part)) > MAX_NAME:
            raise UnsafePath(f'"{part[:40]}..." is longer than Linux allows ({MAX_NAME})')
    return parts


class RootedFolder:
    """A folder taken as ``/``."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._folders: dict[tuple[str, ...], str] = {(): root}

    def forget(self) -> None:
        """Drop what was learnt about folders; to be called when a folder or link was replaced."""
        self._folders = {(): self.root}

    def folder(self, parts: tuple[str, ...], *, make: bool = True) -> str:
        """The real host path of the folder ``parts``, links followed, missing folders made (0755) if ``make``.

        ``UnsafePath`` for a loop of links or a component that is no folder; ``FileNotFoundError`` without ``make``.
        """
        known = self._folders.get(parts)
        if known is not None:
            return known
        resolved = self._resolve(parts, make=make)
        self._folders[parts] = resolved
        return resolved

    def entry(self, parts: tuple[str, ...], *, make: bool = True) -> str:
        """The real host path of an entry whose own last component is *not* followed."""
        if not parts:
            return self.root
        return f"{self.folder(parts[:-1], make=make)}/{parts[-1]}"

    def follow(self, path: str) -> str:
        """The real host path of ``path`` with every link followed, the last one too; nothing is made."""
        return self._resolve(tuple(part for part in path.split("/") if part), make=False, final="any")

    def _resolve(self, parts: tuple[str, ...], *, make: bool, final: str = "folder") -> str:
        todo = list(reversed(parts))
        done: list[str] = []
        links = 0
        while todo:
            part = todo.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if done:
                    done.pop()
                continue
            path = "/".join((self.root, *done, part))
            try:
                mode = os.lstat(path).st_mode
            except FileNotFoundError:
                if not make:
                    raise
                os.mkdir(path, 0o755)
                os.chmod(path, 0o755)
                done.append(part)
                continue
            if stat.S_ISLNK(mode):
                links += 1
                if links > MAX_LINKS:
                    raise UnsafePath(f'"/{"/".join(parts)}" goes through a loop of symbolic links')
                target = os.readlink(path)
                if target.startswith("/"):
                    done = []
                todo.extend(reversed(PurePosixPath(target).parts))
                if todo and todo[-1] == "/":
                    todo.pop()
                continue
            if not stat.S_ISDIR(mode) and not (final == "any" and not todo):
                raise UnsafePath(f'"/{"/".join((*done, part))}" is in the way: it is not a folder')
            done.append(part)
        return "/".join((self.root, *done))
