"""What every operation works on, and the options that every write takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from nsorch.api.patch.server_side import Owner
from nsorch.api.settings import ApiSettings
from nsorch.kit.clock import Clock
from nsorch.resources.registry import Kind, Registry
from nsorch.store import Record, Store

if TYPE_CHECKING:
    from nsorch.api.access.authorizer import Authorizer
    from nsorch.api.access.tokens import Tokens
    from nsorch.api.access.user import User
    from nsorch.api.events.recorder import Recorder
    from nsorch.api.operations.services import ServiceAllocator


@dataclass(slots=True)
class Context:
    """The parts behind the operations."""

    store: Store
    registry: Registry
    settings: ApiSettings
    clock: Clock
    services: ServiceAllocator
    recorder: Recorder
    authorizer: Authorizer
    tokens: Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Options of a write."""

    dry_run: bool = False
    """Decide and answer as if, but change nothing."""
    manager: str = ""
    """Named in ``metadata.managedFields``; "" writes no entry (the daemon's own parts)."""
    operation: Literal["Update", "Apply"] = "Update"
    owners: tuple[Owner, ...] | None = None
    """Who owns what afterwards, where server-side apply has decided it."""
    user: User | None = None
    """Who gives away rights, and needs them himself; None is the daemon, which may."""


DEFAULT = Write()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """Options of a deletion, as ``metav1.DeleteOptions``."""

    grace_seconds: int | None = None
    propagation: Literal["", "Background", "Foreground", "Orphan"] = ""
    uid: str | None = None
    """Precondition."""
    resource_version: str | None = None
    """Precondition."""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Deleted:
    """Outcome of a deletion: the last state, and whether it is gone (else: waits for grace or finalizers)."""

    record: Record
    gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """What to list. Selectors in their text form."""

    label_selector: str = ""
    field_selector: str = ""
    limit: int = 0
    continue_: str = ""
    resource_version: str = ""
    match: str = ""
    """``resourceVersionMatch``: "", Exact or NotOlderThan."""


@dataclass(frozen=True, slots=True)
class Page:
    """A list, or one page of it. ``revision`` is that of the whole list; watch from it."""

    records: list[Record]
    revision: int
    continue_: str = ""
    remaining: int | None = None
    warnings: list[str] = field(default_factory=list)


def dry_record(kind: Kind[Any], obj: Any) -> Record:
    """What a write would have stored, for the answer to a dry run."""
    from nsorch.store.record import Key

    revision = int(obj.metadata.resourceVersion or 0)
    return Record(
        Key(kind.resource, obj.namespace or "", obj.name), obj.uid, revision, obj.to_json(), lambda *_: obj, obj
    )
