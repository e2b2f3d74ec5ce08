"""Who depends on whom: the reverse of ownerReferences. Pure bookkeeping."""

from __future__ import annotations

from dataclasses import dataclass

from nsorch.resources.meta import OwnerReference, Resource

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


@dataclass(frozen=True, slots=True)
class Item:
    """One object, as queue key and graph node."""

    resource: str
    namespace: str
    name: str

    @property
    def key(self) -> str:
        return f"{self.resource}|{self.namespace}/{self.name}"

    @classmethod
    def of_key(cls, key: str) -> Item:
        resource, _, rest = key.partition("|")
        namespace, _, name = rest.partition("/")
        return cls(resource, namespace, name)


class Dependents:
    """Dependents by the uid of their owner. Only objects that have owners take room here."""

    def __init__(self) -> None:
        self._by_owner: dict[str, set[Item]] = {}

    def put(self, item: Item, old: set[str], new: set[str]) -> None:
        """The uids of an object's owners changed from ``old`` to ``new``."""
        for uid in old - new:
            items = self._by_owner.get(uid)
            if items is not None:
                items.discard(item)
                if not items:
                    del self._by_owner[uid]
        for uid in new:
            self._by_owner.setdefault(uid, set()).add(item)

    def of(self, uid: str) -> list[Item]:
        """The objects that name this uid as an owner, in a stable order."""
        return sorted(self._by_owner.get(uid, ()), key=lambda item: item.key)


def owner_uids(obj: Resource | None) -> set[str]:
    """The uids of all owners of an object."""
    return {reference.uid for reference in (obj.metadata.ownerReferences if obj is not None else None) or ()}


def references(obj: Resource) -> list[OwnerReference]:
    return obj.metadata.ownerReferences or []


def has_finalizer(obj: Resource, finalizer: str) -> bool:
    return finalizer in (obj.metadata.finalizers or ())


def waits_for_dependents(obj: Resource) -> bool:
    """Whether the object is in foreground deletion: it goes after its dependents."""
    return obj.terminating and has_finalizer(obj, FOREGROUND)


def orphans_dependents(obj: Resource) -> bool:
    """Whether the object is to go while its dependents stay."""
    return obj.terminating and has_finalizer(obj, ORPHAN)


def blocks(dependent: Resource, owner_uid: str) -> bool:
    """Whether ``dependent`` holds the foreground deletion of its owner up."""
    return any(reference.uid == owner_uid and reference.blockOwnerDeletion for reference in references(dependent))


@dataclass(slots=True)
class Owners:
    """An object's references by the state of the owner behind them."""

    solid: list[OwnerReference]
    """The owner lives, or cannot be checked."""
    absent: list[OwnerReference]
    """No object of this uid is there."""
    waiting: list[OwnerReference]
    """The owner waits for this object to go before it."""
