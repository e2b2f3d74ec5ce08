"""One row per kind: the single source of truth that drives discovery, CRUD, watch, tables and validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from nsorch.resources.meta import Resource

T = TypeVar("T", bound=Resource)
S = TypeVar("S", bound=Resource)

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Cause:
    """One ``metav1.StatusCause``: what is wrong with which field.

    ``reason`` is a ``CauseType`` (FieldValueRequired, FieldValueInvalid, FieldValueDuplicate,
    FieldValueNotSupported, FieldValueForbidden, FieldValueTooLong, FieldValueTypeInvalid). ``message`` is worded
    as Kubernetes' field.Error without the path: ``Invalid value: "x": must be ...``.
    """

    reason: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column of the server-side Table. ``priority`` 0 always, 1 only with ``-o wide``. ``cell`` gets the object
    and the present time (seconds) so that ages are relative; returns str, int or None."""

    name: str
    cell: Callable[[T, float], Any]
    type: str = "string"
    format: str = ""
    priority: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class View(Generic[T, S]):
    """How a kind is another form of one that is stored: objects are kept once, and converted when read or written.

    ``to_stored`` also gets the present stored object on update, else None. Results may share parts with arguments."""

    of: Kind[S]
    """The stored kind, with the field selectors of this one."""
    to_stored: Callable[[T, S | None], S]
    from_stored: Callable[[S], T]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[T]):
    """Everything the API must know about one kind.

    Hooks are pure and get parsed models. ``default`` and ``prepare_*`` change their (private) argument in place.
    Order on create: parse -> default -> prepare_create -> validate -> admission -> store.
    On update: parse -> default -> prepare_update(new, old) -> validate_update(new, old) -> admission -> store.
    On status update: prepare_status(new, old): starts from the old object, takes only status (and what the strategy
    allows) from the new one; then validate_status.
    """

    model: type[T]
    plural: str
    namespaced: bool = True
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[str, ...] = ()
    """Of: status, scale, log, exec, attach, portforward, eviction, binding, ephemeralcontainers, token, finalize..."""
    columns: tuple[Column[T], ...] = ()
    default: Callable[[T], None] = lambda obj: None
    prepare_create: Callable[[T], None] = lambda obj: None
    prepare_update: Callable[[T, T], None] = lambda new, old: None
    prepare_status: Callable[[T, T], None] | None = None
    validate: Callable[[T], list[Cause]] = lambda obj: []
    validate_update: Callable[[T, T], list[Cause]] = lambda new, old: []
    validate_status: Callable[[T, T], list[Cause]] = lambda new, old: []
    warnings: Callable[[T], list[str]] = lambda obj: []
    """Fields that are valid but cannot mean anything on one host: text for ``Warning:`` headers."""
    fields: Mapping[str, Callable[[T], str]] = field(default_factory=dict)
    """Field selectors beside metadata.name and metadata.namespace, e.g. ``spec.nodeName``."""
    grace_seconds: Callable[[T], int] | None = None
    """Kinds that end gracefully (Pods): the object's own default grace period in seconds; None: deletes at once."""
    view: View[T, Any] | None = None
    """None: this kind is stored itself."""

    @property
    def group_version(self) -> str:
        """``apps/v1``, or ``v1`` for the core group."""
        return self.model.GROUP_VERSION

    @property
    def group(self) -> str:
        """``apps``, or "" for the core group."""
        group, slash, _ = self.group_version.rpartition("/")
        return group if slash else ""

    @property
    def version(self) -> str:
        return self.group_version.rpartition("/")[2]

    @property
    def kind(self) -> str:
        return self.model.KIND

    @property
    def resource(self) -> str:
        """``deployments.apps``, or ``pods``: the key of this kind in the store and in messages."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


class Registry:
    """All kinds served, found by any of their names."""

    def __init__(self, kinds: tuple[Kind[Any], ...]) -> None:
        self.kinds = kinds
        self._by_model = {kind.model: kind for kind in kinds}
        self._by_path = {(kind.group, kind.version, kind.plural): kind for kind in kinds}
        self._by_gvk = {(kind.group_version, kind.kind): kind for kind in kinds}
        self._by_resource = {kind.resource: kind for kind in kinds}

    @property
    def models(self) -> list[type[Resource]]:
        """The models of all kinds."""
        return [kind.model for kind in self.kinds]

    def of(self, model: type[T]) -> Kind[T]:
        """The row of a model; KeyError if it is not served."""
        return self._by_model[model]

    def at(self, group: str, version: str, plural: str) -> Kind[Any] | None:
        """The row behind ``/apis/GROUP/VERSION/.../PLURAL`` (core: group "")."""
        return self._by_path.get((group, version, plural))

    def named(self, api_version: str, kind: str) -> Kind[Any] | None:
        """The row of an ``apiVersion`` and ``kind``."""
        return self._by_gvk.get((api_version, kind))

    def resource(self, resource: str) -> Kind[Any] | None:
        """The row of ``deployments.apps``."""
        return self._by_resource.get(resource)
