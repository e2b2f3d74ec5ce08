"""One row per kind: the single source of truth that drives discovery, CRUD, watch, tables and validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    alike: bool = False
    """Both forms have the same fields in the same places, as the versions of a custom kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a document must go through before it is parsed, where a schema says what the fields are."""

    settle: Callable[[dict[str, Any]], list[str]]
    """Bring a document into the schema's shape, in place; returns the paths of unknown fields that it had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling(Generic[T]):
    """How the scale subresource of a custom kind reads and writes."""

    read: Callable[[T], tuple[int, int, str]]
    """Wanted and present replicas, and the label selector as text."""
    write: Callable[[T, int], None]
    """Set the wanted replicas."""


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
    served: bool = True
    """Whether requests reach it; a version of a custom kind may be stored and not be served."""
    deprecation: str = ""
    """The warning for whoever uses it, if it shall not be used any more."""
    shape: Shape | None = None
    """Custom kinds: what documents of it look like, said by a schema instead of by the model."""
    scaling: Scaling[T] | None = None
    """Custom kinds with the scale subresource: where the numbers stand."""

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


Follower = Callable[[Sequence[Kind[Any]], Sequence[Kind[Any]]], None]
"""Told of kinds that are new and of kinds that are gone."""


class Registry:
    """All kinds served, found by any of their names: those of the program, and custom kinds that come and go."""

    def __init__(self, kinds: tuple[Kind[Any], ...]) -> None:
        self._own = kinds
        self._followers: list[Follower] = []
        self._fill(kinds)

    def _fill(self, kinds: tuple[Kind[Any], ...]) -> None:
        self._all = kinds
        self.kinds = tuple(kind for kind in kinds if kind.served)
        """Kinds that requests reach. A new tuple whenever they change."""
        self._by_model = {kind.model: kind for kind in kinds}
        self._by_path = {(kind.group, kind.version, kind.plural): kind for kind in self.kinds}
        self._by_gvk = {(kind.group_version, kind.kind): kind for kind in self.kinds}
        # Another version of a custom kind has the same resource: objects are of the stored one.
        self._by_resource = {kind.resource: kind for kind in sorted(kinds, key=lambda kind: kind.view is None)}

    def serve(self, custom: Sequence[Kind[Any]]) -> None:
        """Make these the custom kinds, instead of those until now. The program's own kinds win over them."""
        taken = {(kind.group, kind.version, kind.plural) for kind in self._own}
        wanted = tuple(kind for kind in custom if (kind.group, kind.version, kind.plural) not in taken)
        before, known = self._all[len(self._own) :], self._by_model
        self._fill(self._own + wanted)
        added = [kind for kind in wanted if kind.model not in known]
        gone = [kind for kind in before if kind.model not in self._by_model]
        if added or gone:
            for follower in tuple(self._followers):
                follower(added, gone)

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Call ``follower`` whenever custom kinds come or go; returns the way to end that."""
        self._followers.append(follower)
        return lambda: self._followers.remove(follower) if follower in self._followers else None

    @property
    def stored(self) -> tuple[Kind[Any], ...]:
        """The kinds whose objects are kept themselves, served or not."""
        return tuple(kind for kind in self._all if kind.view is None)

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
