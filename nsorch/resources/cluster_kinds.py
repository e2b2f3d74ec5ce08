"""The registry rows of Namespace, Node, ServiceAccount and Lease."""

from __future__ import annotations

from nsorch.resources import checks, columns, names
from nsorch.resources.account import ServiceAccount
from nsorch.resources.effects import NO_EFFECT
from nsorch.resources.lease import Lease
from nsorch.resources.meta_validation import validate_metadata, validate_metadata_update
from nsorch.resources.namespace import Namespace, NamespaceStatus
from nsorch.resources.node import Node
from nsorch.resources.registry import Cause, Column, Kind
from nsorch.resources.scheduling_validation import validate_taints
from nsorch.resources.strategy import only_status

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
NAMESPACE_FINALIZER = "kubernetes"
_ROLE = "node-role.kubernetes.io/"


def default_namespace(namespace: Namespace) -> None:
    """Every namespace carries its own name as a label, so that selectors can name it."""
    if namespace.metadata.name:
        namespace.metadata.labels = {**(namespace.metadata.labels or {}), NAMESPACE_LABEL: namespace.metadata.name}


def _create_namespace(namespace: Namespace) -> None:
    # The finalizer keeps the namespace until the controller has deleted everything in it.
    namespace.spec.finalizers = list(dict.fromkeys([*(namespace.spec.finalizers or ()), NAMESPACE_FINALIZER]))
    namespace.status = NamespaceStatus(phase="Active")


def _update_namespace(new: Namespace, old: Namespace) -> None:
    # Finalizers change through the ``finalize`` subresource only.
    new.spec.finalizers = old.spec.finalizers
    new.status = old.status


def validate_namespace(namespace: Namespace) -> list[Cause]:
    """Everything wrong with a new Namespace."""
    causes = validate_metadata(namespace.metadata, names.dns_label)
    for index, finalizer in enumerate(namespace.spec.finalizers or ()):
        causes += checks.invalid_each(f"spec.finalizers[{index}]", finalizer, names.qualified_name(finalizer))
        if "/" not in finalizer and finalizer != NAMESPACE_FINALIZER:
            causes.append(
                checks.invalid(
                    f"spec.finalizers[{index}]",
                    finalizer,
                    "name is neither a standard finalizer name nor is it fully qualified",
                )
            )
    return causes


def _validate_namespace_status(new: Namespace, old: Namespace) -> list[Cause]:
    phase = new.status.phase
    if new.metadata.deletionTimestamp is None:
        if phase != "Active":
            return [checks.invalid("status.phase", phase, "may only be 'Active' if `deletionTimestamp` is empty")]
    elif phase != "Terminating":
        return [checks.invalid("status.phase", phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")]
    return []


def _update_node(new: Node, old: Node) -> None:
    new.status = old.status


def validate_node(node: Node) -> list[Cause]:
    """Everything wrong with a new Node."""
    return validate_metadata(node.metadata) + validate_taints(node.spec.taints or [], "spec.taints")


def _validate_node_update(new: Node, old: Node) -> list[Cause]:
    causes = validate_metadata_update(new.metadata, old.metadata)
    causes += validate_taints(new.spec.taints or [], "spec.taints")
    for field in ("podCIDR", "podCIDRs", "providerID"):
        if getattr(old.spec, field) and getattr(new.spec, field) != getattr(old.spec, field):
            causes.append(checks.forbidden("spec", f'node updates may not change {field} except from "" to valid'))
    return causes


def _node_warnings(node: Node) -> list[str]:
    found = [
        f"spec.{name}: {NO_EFFECT}: the node is configured by the daemon's own options"
        for name in ("configSource", "externalID")
        if getattr(node.spec, name)
    ]
    for index, taint in enumerate(node.spec.taints or ()):
        if taint.effect == "NoExecute":
            found.append(
                f"spec.taints[{index}].effect: NoExecute keeps new Pods away but does not evict those that run"
            )
        elif taint.effect == "PreferNoSchedule":
            found.append(f"spec.taints[{index}].effect: {NO_EFFECT}: there is no other node to prefer")
    return found


def _lease_warnings(lease: Lease) -> list[str]:
    return [
        f"spec.{name}: {NO_EFFECT}: leaders are not chosen by the server"
        for name in ("preferredHolder", "strategy")
        if getattr(lease.spec, name)
    ]


def _service_account_warnings(account: ServiceAccount) -> list[str]:
    return [
        f"{name}: {NO_EFFECT}: {effect}"
        for name, effect in (
            ("imagePullSecrets", "images are not pulled from registries"),
            ("secrets", "any Secret may be mounted"),
        )
        if getattr(account, name)
    ]


def _validate_lease(lease: Lease) -> list[Cause]:
    causes = validate_metadata(lease.metadata)
    return causes + _lease_spec(lease)


def _validate_lease_update(new: Lease, old: Lease) -> list[Cause]:
    return validate_metadata_update(new.metadata, old.metadata) + _lease_spec(new)


def _lease_spec(lease: Lease) -> list[Cause]:
    causes: list[Cause] = []
    seconds = lease.spec.leaseDurationSeconds
    if seconds is not None and seconds <= 0:
        causes.append(checks.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"))
    causes += checks.not_negative("spec.leaseTransitions", lease.spec.leaseTransitions)
    return causes


def node_status(node: Node) -> str:
    """The STATUS column: ``Ready``, ``NotReady``, ``Unknown``, with ``SchedulingDisabled`` when cordoned."""
    words = [
        "Ready" if condition.status == "True" else "NotReady"
        for condition in node.status.conditions or ()
        if condition.type == "Ready"
    ] or ["Unknown"]
    if node.spec.unschedulable:
        words.append("SchedulingDisabled")
    return ",".join(words)


def node_roles(node: Node) -> str:
    """The ROLES column, from ``node-role.kubernetes.io/ROLE`` labels."""
    roles = {key.removeprefix(_ROLE) for key in node.metadata.labels or {} if key.startswith(_ROLE)}
    roles.add((node.metadata.labels or {}).get("kubernetes.io/role", ""))
    return ",".join(sorted(role for role in roles if role)) or columns.NONE


def _node_address(node: Node, type_: str) -> str:
    for address in node.status.addresses or ():
        if address.type == type_:
            return address.address
    return columns.NONE


def _node_info(node: Node, name: str) -> str:
    return (getattr(node.status.nodeInfo, name) if node.status.nodeInfo is not None else "") or "<unknown>"


NAMESPACE_COLUMNS: tuple[Column[Namespace], ...] = (
    columns.NAME,
    Column("Status", lambda obj, now: obj.status.phase or "", description="Active, or Terminating."),
    columns.AGE,
)

NODE_COLUMNS: tuple[Column[Node], ...] = (
    columns.NAME,
    Column("Status", lambda obj, now: node_status(obj), description="Whether the node takes Pods."),
    Column("Roles", lambda obj, now: node_roles(obj), description="What the node is for."),
    columns.AGE,
    Column(
        "Version",
        lambda obj, now: obj.status.nodeInfo.kubeletVersion if obj.status.nodeInfo is not None else "",
        description="The version of the node agent.",
    ),
    Column(
        "Internal-IP",
        lambda obj, now: _node_address(obj, "InternalIP"),
        priority=1,
        description="The node's address inside the cluster.",
    ),
    Column(
        "External-IP",
        lambda obj, now: _node_address(obj, "ExternalIP"),
        priority=1,
        description="The node's address outside the cluster.",
    ),
    Column("OS-Image", lambda obj, now: _node_info(obj, "osImage"), priority=1, description="The operating system."),
    Column("Kernel-Version", lambda obj, now: _node_info(obj, "kernelVersion"), priority=1, description="The kernel."),
    Column(
        "Container-Runtime",
        lambda obj, now: _node_info(obj, "containerRuntimeVersion"),
        priority=1,
        description="What runs the containers.",
    ),
)

SERVICE_ACCOUNT_COLUMNS: tuple[Column[ServiceAccount], ...] = (
    columns.NAME,
    Column("Secrets", lambda obj, now: len(obj.secrets or ()), type="integer", description="Secrets its Pods may use."),
    columns.AGE,
)

LEASE_COLUMNS: tuple[Column[Lease], ...] = (
    columns.NAME,
    Column("Holder", lambda obj, now: obj.spec.holderIdentity or "", description="Who leads."),
    columns.AGE,
)

NAMESPACE = Kind(
    model=Namespace,
    plural="namespaces",
    namespaced=False,
    singular="namespace",
    short_names=("ns",),
    # As in Kubernetes, namespaces cannot be deleted as a collection.
    verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
    subresources=("status", "finalize"),
    columns=NAMESPACE_COLUMNS,
    default=default_namespace,
    prepare_create=_create_namespace,
    prepare_update=_update_namespace,
    prepare_status=only_status,
    validate=validate_namespace,
    validate_update=lambda new, old: validate_metadata_update(new.metadata, old.metadata, names.dns_label),
    validate_status=_validate_namespace_status,
    fields={"status.phase": lambda obj: obj.status.phase or ""},
)

NODE = Kind(
    model=Node,
    plural="nodes",
    namespaced=False,
    singular="node",
    short_names=("no",),
    subresources=("status", "proxy"),
    columns=NODE_COLUMNS,
    prepare_update=_update_node,
    prepare_status=only_status,
    validate=validate_node,
    warnings=_node_warnings,
    validate_update=_validate_node_update,
    fields={"spec.unschedulable": lambda obj: "true" if obj.spec.unschedulable else "false"},
)

SERVICE_ACCOUNT = Kind(
    model=ServiceAccount,
    plural="serviceaccounts",
    singular="serviceaccount",
    short_names=("sa",),
    subresources=("token",),
    columns=SERVICE_ACCOUNT_COLUMNS,
    warnings=_service_account_warnings,
    validate=lambda obj: validate_metadata(obj.metadata),
    validate_update=lambda new, old: validate_metadata_update(new.metadata, old.metadata),
)

LEASE = Kind(
    model=Lease,
    plural="leases",
    singular="lease",
    columns=LEASE_COLUMNS,
    validate=_validate_lease,
    warnings=_lease_warnings,
    validate_update=_validate_lease_update,
)
