"""Objects as typed: ``pods web-1 web-2``, ``pod/web-1 svc/web``, ``pods,svc`` or ``all``."""

from __future__ import annotations

from collections.abc import Sequence

from nsorch.cli.failure import CommandFailure
from nsorch.cli.kinds import Kinds, Served


def resolve(kinds: Kinds, what: Sequence[str]) -> list[tuple[Served, str]]:
    """(kind, name) pairs; name "" means all of the kind. Each pair once, in the order typed."""
    if any("/" in word for word in what):
        pairs = []
        for word in what:
            typed, slash, name = word.partition("/")
            if not slash:
                raise CommandFailure(
                    f'cannot read "{word}" beside KIND/NAME: write KIND NAME... or KIND/NAME..., not both', 2
                )
            if not typed or not name or "/" in name or "," in typed:
                raise CommandFailure(f'cannot read "{word}": write KIND/NAME', 2)
            pairs.append((kinds.find(typed), name))
        return list(dict.fromkeys(pairs))
    found: list[Served] = []
    for word in what[0].split(","):
        if not word:
            raise CommandFailure(f'cannot read "{what[0]}": write KIND or KIND,KIND', 2)
        found += kinds.category(word) or [kinds.find(word)]
    if "" in what[1:]:
        raise CommandFailure(f"cannot read the names after {what[0]}: one is empty", 2)
    return list(dict.fromkeys((kind, name) for kind in found for name in (what[1:] or [""])))
