"""One layer's tar, unpacked into the form that overlayfs wants; hostile input is expected.

- A whiteout ``.wh.NAME`` becomes a character device 0:0 named NAME, ``.wh..wh..opq`` the xattr
  ``trusted.overlay.opaque=y`` on its folder (OCI image-spec ``layer.md``; Linux ``filesystems/overlayfs``).
- Nothing is written outside the folder: names with ``..`` are refused, links on the way are followed inside the folder only,
  a hard link's target must be a file of the same layer.
- Device nodes are left out (a container gets its devices from the runtime), so are xattrs that overlayfs or a security
  module would believe (``trusted.*``, ``security.*`` except file capabilities).
- Owner, mode with set-uid bits, times in nanoseconds and file capabilities are kept.
- Everything has a bound (``Limits``).
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import BinaryIO

from nsorch.images.rooted import RootedFolder, UnsafePath, clean

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
AUFS_METADATA = ".wh..wh."
OPAQUE_XATTR = "trusted.overlay.opaque"
XATTR_KEY = "SCHILY.xattr."
COPY_CHUNK = 1024 * 1024
MAX_ID = 2**32 - 2
MAX_TIME = 2**34
"""Seconds; the last time ext4 can store is in the year 2446."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one layer may hold."""

    entries: int = 2_000_000
    bytes: int = 64 * 1024**3
    header: int = 4 * 1024**2
    """Bytes of one extended header (long names, xattrs), which must be held in memory."""


class UnpackError(ValueError):
    """A layer that is damaged or hostile; the text says which entry and why."""


@dataclass(slots=True)
class Unpacked:
    """What was unpacked."""

    entries: int = 0
    bytes: int = 0
    skipped_devices: int = 0


def unpack(
    stream: BinaryIO,
    root: str,
    *,
    limits: Limits | None = None,
    whiteouts: bool = True,
    owner: tuple[int, int] | None = None,
) -> Unpacked:
    """Unpack the tar ``stream`` into the existing folder ``root``; ``UnpackError`` if it cannot be trusted.

    ``whiteouts`` off takes ``.wh.`` names as an error (``ADD`` of an archive). ``owner`` replaces every owner.
    """
    worker = _Unpacker(root, limits or Limits(), whiteouts, owner)
    try:
        worker.run(stream)
    except tarfile.TarError as error:
        raise UnpackError(f"damaged tar: {error}") from error
    return worker.result


class _BoundedInfo(tarfile.TarInfo):
    """Refuses to read an extended header into memory that is bigger than ``limit``."""

    limit = 4 * 1024**2

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        extended = (
            tarfile.XHDTYPE,
            tarfile.XGLTYPE,
            tarfile.SOLARIS_XHDTYPE,
            tarfile.GNUTYPE_LONGNAME,
            tarfile.GNUTYPE_LONGLINK,
        )
        if self.type in extended and self.size > self.limit:
            raise UnpackError(f"an extended header of {self.size} bytes is more than the {self.limit} allowed")
        if self.size < 0:
            raise UnpackError(f'"{self.name}" has a negative size')
        return super()._proc_member(archive)  # type: ignore[misc,no-any-return]


class _Unpacker:
    def __init__(self, root: str, limits: Limits, whiteouts: bool, owner: tuple[int, int] | None) -> None:
        self.tree = RootedFolder(os.path.realpath(root))
        self.limits = limits
        self.whiteouts = whiteouts
        self.owner = owner
        self.result = Unpacked()
        self.folder_times: dict[str, int] = {}

    def run(self, stream: BinaryIO) -> None:
        info = type("_Info", (_BoundedInfo,), {"limit": self.limits.header})
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=info, errors="surrogateescape") as archive:
            while (member := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # a stream is never rewound: keep memory flat
                try:
                    self.add(archive, member)
                except UnsafePath as error:
                    raise UnpackError(str(error)) from error
                except UnpackError:
                    raise
                except OSError as error:
                    raise UnpackError(f'cannot unpack "{member.name}": {error.strerror or error}') from error
        for path, time in reversed(self.folder_times.items()):
            # a folder may have been replaced since, or a folder above it by a link to anywhere
            if os.path.isdir(path) and os.path.realpath(path) == path:
                os.utime(path, ns=(time, time))

    def add(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        self.result.entries += 1
        if self.result.entries > self.limits.entries:
            raise UnpackError(f"more than {self.limits.entries} entries")
        parts = clean(member.name)
        if parts and parts[-1].startswith(WHITEOUT):
            self.whiteout(parts, member)
            return
        if not parts and not member.isdir():
            raise UnpackError("the root of a layer must be a folder")
        if member.ischr() and (member.devmajor, member.devminor) == (0, 0) and self.whiteouts:
            self.remove_lower(parts)
            return
        if member.ischr() or member.isblk():
            self.result.skipped_devices += 1
            return
        path = self.tree.entry(parts)
        if member.isdir():
            self.folder(path)
            self.folder_times[path] = _time(member)
        elif member.issym():
            self.make_way(path)
            os.symlink(member.linkname, path)
        elif member.islnk():
            self.hard_link(path, member)
            return  # the attributes are those of the target
        elif member.isfifo():
            self.make_way(path)
            os.mkfifo(path, 0o600)
        elif member.isreg():
            self.regular(archive, path, member)
        else:
            raise UnpackError(f'"{member.name}" has the unknown type {member.type!r}')
        self.attributes(path, member)

    def folder(self, path: str) -> None:
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            os.mkdir(path, 0o700)
            return
        if stat.S_ISDIR(mode):
            return
        hidden = _is_whiteout(path)
        self.make_way(path)
        os.mkdir(path, 0o700)
        if hidden:
            os.setxattr(path, OPAQUE_XATTR, b"y")

    def regular(self, archive: tarfile.TarFile, path: str, member: tarfile.TarInfo) -> None:
        self.result.bytes += member.size
        if self.result.bytes > self.limits.bytes:
            raise UnpackError(f"more than {self.limits.bytes} bytes unpacked")
        self.make_way(path)
        source = archive.extractfile(member)
        assert source is not None
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb", buffering=0) as out:
            left = member.size
            while left:
                chunk = source.read(min(left, COPY_CHUNK))
                if not chunk:
                    raise UnpackError(f'"{member.name}" is cut off: {left} bytes are missing')
                out.write(chunk)
                left -= len(chunk)

    def hard_link(self, path: str, member: tarfile.TarInfo) -> None:
        target_parts = clean(member.linkname)
        try:
            target = self.tree.entry(target_parts, make=False)
            mode = os.lstat(target).st_mode
        except FileNotFoundError:
            raise UnpackError(f'"{member.name}" links to "{member.linkname}", which this layer does not have') from None
        if stat.S_ISDIR(mode) or _is_whiteout(target):
            raise UnpackError(f'"{member.name}" is a hard link to "{member.linkname}", which is no file')
        if os.path.lexists(path) and os.path.samestat(os.lstat(path), os.lstat(target)):
            return
        self.make_way(path)
        os.link(target, path, follow_symlinks=False)

    def whiteout(self, parts: tuple[str, ...], member: tarfile.TarInfo) -> None:
        name = parts[-1]
        if not self.whiteouts:
            raise UnpackError(f'"{member.name}": names that start with {WHITEOUT} mean deletion in images')
        if name == OPAQUE:
            os.setxattr(self.tree.folder(parts[:-1]), OPAQUE_XATTR, b"y")
            return
        if name.startswith(AUFS_METADATA):
            return  # aufs kept its own books under such names; they mean nothing to a layer
        gone = name.removeprefix(WHITEOUT)
        if gone in ("", ".", ".."):
            raise UnpackError(f'"{member.name}" deletes nothing that can exist')
        self.remove_lower((*parts[:-1], gone))

    def remove_lower(self, parts: tuple[str, ...]) -> None:
        """Hide what lower layers have under this name; what this layer itself has stays."""
        if not parts:
            raise UnpackError("a layer cannot delete the root")
        path = self.tree.entry(parts)
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(0, 0))
            return
        if stat.S_ISDIR(mode):
            os.setxattr(path, OPAQUE_XATTR, b"y")

    def make_way(self, path: str) -> None:
        """The last entry of a name wins, as with tar itself."""
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            return
        if stat.S_ISDIR(mode):
            if path == self.tree.root:
                raise UnpackError("an entry would replace the root")
            shutil.rmtree(path)
        else:
            os.unlink(path)
        self.tree.forget()

    def attributes(self, path: str, member: tarfile.TarInfo) -> None:
        uid, gid = self.owner or (member.uid, member.gid)
        if not (0 <= uid <= MAX_ID and 0 <= gid <= MAX_ID):
            raise UnpackError(f'"{member.name}" has an impossible owner {uid}:{gid}')
        os.lchown(path, uid, gid)
        if not member.issym():
            os.chmod(path, member.mode & 0o7777)  # after chown, which clears the set-uid bits
        for key, value in member.pax_headers.items():
            if key.startswith(XATTR_KEY):
                _set_xattr(path, key.removeprefix(XATTR_KEY), value)
        if not member.isdir():
            time = _time(member)
            os.utime(path, ns=(time, time), follow_symlinks=False)


def _set_xattr(path: str, name: str, value: str) -> None:
    if name != "security.capability" and not name.startswith(("user.", "system.posix_acl_")):
        return
    if name.startswith("user.overlay."):
        return
    os.setxattr(path, name, value.encode("utf-8", "surrogateescape"), follow_symlinks=False)


def _is_whiteout(path: str) -> bool:
    found = os.lstat(path)
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == 0


def _time(member: tarfile.TarInfo) -> int:
    """Modification time in nanoseconds; pax headers carry it as a decimal fraction that a float would round."""
    try:
        seconds = Decimal(member.pax_headers["mtime"])
        if not seconds.is_finite():
            raise InvalidOperation
    except (KeyError, InvalidOperation):
        seconds = Decimal(int(member.mtime))
    return int(min(max(seconds, Decimal(0)), Decimal(MAX_TIME)) * 1_000_000_000)
