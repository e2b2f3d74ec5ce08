"""Who a container's process is: ``USER`` of an image resolved in the container's own /etc/passwd and /etc/group."""

from __future__ import annotations

from dataclasses import dataclass

from nsorch.supervisor.plan import Security


@dataclass(frozen=True, slots=True)
class Identity:
    """Resolved numbers, and the home folder for ``HOME``."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def resolve(security: Security, passwd: str, group: str) -> Identity:
    """Identity of ``security`` given the texts of the two files ("" where missing); ValueError for unknown names.

    As runc: a number needs no entry; a user without a group takes the group of his passwd entry, else 0; with no group
    given, the supplementary groups that /etc/group lists for him are added.
    As containerd: the primary group is one of them."""
    users = [fields for fields in _rows(passwd, 7) if fields[2].isdigit() and fields[3].isdigit()]
    groups = [fields for fields in _rows(group, 4) if fields[2].isdigit()]
    user_name, colon, group_name = (security.user or str(security.uid)).partition(":")
    entry = next((row for row in users if row[0] == user_name), None)
    if entry is None and user_name.isdigit():
        entry = next((row for row in users if int(row[2]) == int(user_name)), None)
    if entry is None and not user_name.isdigit() and user_name:
        raise ValueError(f"unable to find user {user_name}: no matching entries in passwd file")
    uid = int(entry[2]) if entry else int(user_name or 0)
    if security.user and not colon:
        gid = int(entry[3]) if entry else security.gid
    elif security.user:
        gid = _group_number(group_name, groups)
    else:
        gid = security.gid
    extra = {gid, *security.groups}  # the primary group too: a process must not lose it by setgid(2)
    if entry and not colon:
        extra.update(int(row[2]) for row in groups if entry[0] in row[3].split(","))
    return Identity(uid, gid, tuple(sorted(extra)), entry[5] if entry else "/")


def _group_number(name: str, groups: list[list[str]]) -> int:
    for row in groups:
        if row[0] == name:
            return int(row[2])
    if name.isdigit():
        return int(name)
    raise ValueError(f"unable to find group {name}: no matching entries in group file")


def _rows(text: str, columns: int) -> list[list[str]]:
    rows = (line.split(":") for line in text.splitlines() if line and not line.startswith("#"))
    return [row for row in rows if len(row) >= columns]
