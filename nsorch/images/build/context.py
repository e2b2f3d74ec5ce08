"""The files that COPY and ADD can see, by their path relative to the context."""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from nsorch.images.build.errors import BuildError
from nsorch.images.build.ignore import Ignore, translate
from nsorch.images.layout import digest_of_file

MAX_FILES = 200_000
MAX_LINKS = 10


class Context:
    """One listing of the context folder, made at the start of a build, with ``.dockerignore`` applied.

    ``extra`` is a second folder laid over the first: what a recipe's ``prepare.sh`` made.
    """

    def __init__(self, folder: Path, extra: Path | None = None) -> None:
        self.files: dict[str, str] = {"": os.fspath(folder)}
        """Relative path -> host path; "" is the context itself."""
        self._digests: dict[str, str] = {}
        self._list(os.fspath(folder), Ignore.of(folder))
        if extra is not None:
            self._list(os.fspath(extra), Ignore([]))
        self.children: dict[str, list[str]] = {}
        for path in self.files:
            if path:
                self.children.setdefault(posixpath.dirname(path), []).append(path)

    def _list(self, root: str, ignore: Ignore) -> None:
        todo = [""]
        while todo:
            below = todo.pop()
            for entry in os.scandir(os.path.join(root, below)):
                path = f"{below}/{entry.name}" if below else entry.name
                folder = entry.is_dir(follow_symlinks=False)
                ignored = ignore.ignores(path)
                if ignored and not (folder and ignore.takes_back):
                    continue
                if not ignored:
                    for parent in _parents(path):
                        self.files.setdefault(parent, os.path.join(root, parent))
                    self.files[path] = entry.path
                if len(self.files) > MAX_FILES:
                    raise BuildError(
                        f"the context {root} holds more than {MAX_FILES} files: list the surplus in .dockerignore"
                    )
                if folder:
                    todo.append(path)

    def newest(self) -> int:
        """Latest modification time of any file, in whole seconds."""
        times = (os.lstat(path) for path in self.files.values())
        return max((int(found.st_mtime) for found in times if stat.S_ISREG(found.st_mode)), default=0)

    def match(self, pattern: str) -> list[str]:
        """The relative paths that one source argument means; ``BuildError`` if there is none."""
        clean = posixpath.normpath(pattern.lstrip("/") or ".")
        if clean == "..":
            raise BuildError(f'"{pattern}" is outside the context')
        if clean.startswith("../"):
            raise BuildError(f'"{pattern}" is outside the context: only files below the context folder can be copied')
        clean = "" if clean == "." else clean
        if not any(sign in clean for sign in "*?["):
            found = [self._follow(clean, pattern)]
        else:
            try:
                wanted = re.compile(translate(clean))
            except re.error as error:
                raise BuildError(f'"{pattern}" is not a pattern: {error}') from error
            found = sorted(path for path in self.files if path and wanted.fullmatch(path))
        if not found:
            raise BuildError(f'"{pattern}" matches no file of the context')
        return found

    def _follow(self, path: str, written: str) -> str:
        """A source that is itself a symbolic link means its target, which must be inside the context."""
        for _ in range(MAX_LINKS):
            if path not in self.files:
                raise BuildError(f'"{written}" is not in the context (or .dockerignore hides it)')
            if not os.path.islink(self.files[path]):
                return path
            target = os.readlink(self.files[path])
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
            if target.startswith("/") or path.startswith(".."):
                raise BuildError(f'"{written}" is a link that leaves the context')
        raise BuildError(f'"{written}" goes through too many links')

    def digest(self, paths: Iterable[str]) -> list[tuple[str, int, str]]:
        """(relative path, mode, content) of the paths and all below: what a step's cache key must cover."""
        out = []
        todo = sorted(paths, reverse=True)
        while todo:
            path = todo.pop()
            host = self.files[path]
            mode = os.lstat(host).st_mode
            content = ""
            if stat.S_ISLNK(mode):
                content = os.readlink(host)
            elif stat.S_ISREG(mode):
                content = self._digests.get(path) or self._digests.setdefault(path, digest_of_file(Path(host)))
            out.append((path, mode, content))
            if stat.S_ISDIR(mode):
                todo.extend(sorted(self.children.get(path, ()), reverse=True))
        return out


def _parents(path: str) -> Iterable[str]:
    parts = path.split("/")[:-1]
    return ("/".join(parts[: i + 1]) for i in range(len(parts)))
