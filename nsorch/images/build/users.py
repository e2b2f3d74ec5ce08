"""``USER`` and ``--chown``: names looked up in the image's own /etc/passwd and /etc/group."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from nsorch.images.build.errors import BuildError
from nsorch.images.rooted import RootedFolder, UnsafePath

MAX_FILE = 4 * 1024 * 1024
MAX_ID = 2**32 - 2


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a step runs as, or owns its files."""

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()
    home: str = "/root"


def resolve(spec: str, root: str) -> Identity:
    """``USER[:GROUP]``, names or numbers; a user's own group is taken if none is given (0 for an unknown number)."""
    user, _, group = spec.partition(":")
    passwd = [line.split(":") for line in _lines(root, "/etc/passwd")]
    groups = [line.split(":") for line in _lines(root, "/etc/group")]
    row = next((row for row in passwd if len(row) >= 6 and row[0] == user), None)
    if row is None and user.isdigit():
        row = next((row for row in passwd if len(row) >= 6 and row[2] == user), None)
    if row is None and not user.isdigit():
        raise BuildError(f'unknown user "{user}": the image\'s /etc/passwd does not have it')
    uid = _number(row[2] if row else user)
    gid = _number(row[3]) if row else 0
    more: tuple[int, ...] = ()
    if group:
        found = next((line for line in groups if len(line) >= 3 and line[0] == group), None)
        if found is None and not group.isdigit():
            raise BuildError(f'unknown group "{group}": the image\'s /etc/group does not have it')
        gid = _number(found[2] if found else group)
    elif row:
        more = tuple(_number(line[2]) for line in groups if len(line) >= 4 and row[0] in line[3].split(","))
    return Identity(uid, gid, more, row[5] if row and row[5] else "/")


def _lines(root: str, path: str) -> list[str]:
    try:
        real = RootedFolder(root).follow(path)
        if not stat.S_ISREG(os.stat(real).st_mode):
            return []
        with open(real, encoding="utf-8", errors="surrogateescape") as file:
            return file.read(MAX_FILE).splitlines()
    except (FileNotFoundError, UnsafePath):
        return []


def _number(text: str) -> int:
    if not text.isdigit() or int(text) > MAX_ID:
        raise BuildError(f'"{text}" is not a user or group number')
    return int(text)
