"""COPY and ADD: files into the mounted root of a stage."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from nsorch.images import compression
from nsorch.images.build.context import Context
from nsorch.images.build.errors import BuildError
from nsorch.images.build.ignore import translate
from nsorch.images.build.users import Identity
from nsorch.images.rooted import RootedFolder, UnsafePath
from nsorch.images.unpack import unpack


@dataclass(frozen=True, slots=True)
class Rules:
    """How copies look; None keeps what the source has."""

    owner: Identity | None
    mode: int | None
    archive_owner: Identity | None = None
    """For what ADD unpacks: an archive keeps its owners unless ``--chown`` says otherwise."""


@dataclass(frozen=True, slots=True)
class Source:
    """One thing to copy: a host path, its last name, and how to list a folder (name, host path)."""

    path: str
    name: str
    children: Callable[[str], Iterable[Source]]
    key: str = ""


def from_context(context: Context, paths: Iterable[str]) -> list[Source]:
    """Sources of a COPY without ``--from``."""

    def children(key: str) -> Iterable[Source]:
        return from_context(context, sorted(context.children.get(key, ())))

    return [Source(context.files[path], path.rpartition("/")[2], children, path) for path in paths]


def from_tree(tree: RootedFolder, pattern: str) -> list[Source]:
    """Sources in the root of another stage or image."""

    def children(key: str) -> Iterable[Source]:
        return [Source(f"{key}/{name}", name, children, f"{key}/{name}") for name in sorted(os.listdir(key))]

    found = [""]
    for part in (part for part in pattern.split("/") if part not in ("", ".")):
        if part == "..":
            raise BuildError(f'"{pattern}" must not contain ".."')
        if not any(sign in part for sign in "*?["):
            found = [f"{base}/{part}" for base in found]
            continue
        wanted = re.compile(translate(part))
        found = [f"{base}/{name}" for base in found for name in _names(tree, base) if wanted.fullmatch(name)]
    sources = []
    for path in found:
        try:
            host = tree.follow(path)
        except (FileNotFoundError, UnsafePath):
            continue
        sources.append(Source(host, path.rpartition("/")[2], children, host))
    if not sources:
        raise BuildError(f'"{pattern}" is not in that image')
    return sources


def copy(sources: list[Source], root: RootedFolder, destination: str, rules: Rules, *, extract: bool = False) -> None:
    """Copy ``sources`` to the absolute path ``destination``; ``extract`` unpacks archives (ADD)."""
    parts = tuple(part for part in destination.split("/") if part not in ("", "."))
    if ".." in parts:
        raise BuildError(f'"{destination}" must not contain ".."')
    into = destination.endswith(("/", "/.")) or not parts
    if not into and len(sources) > 1:
        raise BuildError(f'several files need a folder: write the destination as "{destination}/"')
    copier = _Copier(root, rules)
    for source in sources:
        mode = os.lstat(source.path).st_mode
        if stat.S_ISDIR(mode):
            copier.folder(source, parts)
        elif extract and stat.S_ISREG(mode) and _is_archive(Path(source.path)):
            copier.archive(source, parts)
        else:
            copier.entry(source, (*parts, source.name) if into or _is_folder(root, parts) else parts)


class _Copier:
    def __init__(self, root: RootedFolder, rules: Rules) -> None:
        self.root = root
        self.rules = rules
        self.linked: dict[tuple[int, int], str] = {}

    def folder(self, source: Source, parts: tuple[str, ...]) -> None:
        """The content of a folder; the folder itself gives its mode to a target that was not there."""
        fresh = not _is_folder(self.root, parts)
        target = self.make(parts)
        for child in source.children(source.key):
            if stat.S_ISDIR(os.lstat(child.path).st_mode):
                self.folder(child, (*parts, child.name))
            else:
                self.entry(child, (*parts, child.name))
        if fresh:
            self.attributes(source.path, target, os.lstat(source.path))

    def make(self, parts: tuple[str, ...]) -> str:
        """The target folder; folders made on the way belong to the owner of the copy, mode 0755."""
        for depth in range(1, len(parts) + 1):
            if _is_folder(self.root, parts[:depth]):
                continue
            made = self.root.folder(parts[:depth])
            if self.rules.owner:
                os.lchown(made, self.rules.owner.uid, self.rules.owner.gid)
        return self.root.folder(parts)

    def archive(self, source: Source, parts: tuple[str, ...]) -> None:
        wanted = self.rules.archive_owner
        owner = (wanted.uid, wanted.gid) if wanted else None
        target = self.make(parts)
        with compression.decompressed(Path(source.path)) as plain:
            unpack(plain, target, whiteouts=False, owner=owner)
        self.root.forget()

    def entry(self, source: Source, parts: tuple[str, ...]) -> None:
        self.make(parts[:-1])
        target = self.root.entry(parts)
        found = os.lstat(source.path)
        if os.path.lexists(target):
            if stat.S_ISDIR(os.lstat(target).st_mode):
                raise BuildError(f'cannot replace the folder "/{"/".join(parts)}" by a file')
            os.unlink(target)
            self.root.forget()
        if stat.S_ISLNK(found.st_mode):
            os.symlink(os.readlink(source.path), target)
        elif stat.S_ISREG(found.st_mode):
            identity = (found.st_dev, found.st_ino)
            if found.st_nlink > 1 and identity in self.linked:
                os.link(self.linked[identity], target)
                return
            shutil.copyfile(source.path, target, follow_symlinks=False)
            self.linked[identity] = target
        else:
            raise BuildError(f'"{source.path}" is neither a file, a folder nor a link')
        self.attributes(source.path, target, found)

    def attributes(self, source: str, target: str, found: os.stat_result) -> None:
        uid, gid = (self.rules.owner.uid, self.rules.owner.gid) if self.rules.owner else (found.st_uid, found.st_gid)
        os.lchown(target, uid, gid)
        if not stat.S_ISLNK(found.st_mode):
            os.chmod(target, stat.S_IMODE(found.st_mode) if self.rules.mode is None else self.rules.mode)
        if self.rules.owner is None:  # from another stage: keep file capabilities and the like
            for name in os.listxattr(source, follow_symlinks=False):
                if name == "security.capability" or name.startswith("user."):
                    os.setxattr(target, name, os.getxattr(source, name, follow_symlinks=False), follow_symlinks=False)
        os.utime(target, ns=(found.st_mtime_ns, found.st_mtime_ns), follow_symlinks=False)


def _names(tree: RootedFolder, path: str) -> list[str]:
    try:
        return sorted(os.listdir(tree.follow(path)))
    except (FileNotFoundError, NotADirectoryError, UnsafePath):
        return []


def _is_folder(root: RootedFolder, parts: tuple[str, ...]) -> bool:
    try:
        root.folder(parts, make=False)
    except (FileNotFoundError, UnsafePath):
        return False
    return True


def _is_archive(path: Path) -> bool:
    try:
        with compression.decompressed(path) as plain, tarfile.open(fileobj=plain, mode="r|") as archive:
            return archive.next() is not None
    except (tarfile.TarError, *compression.DECODE_ERRORS):
        return False
