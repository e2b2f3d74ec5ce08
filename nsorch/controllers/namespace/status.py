"""Conditions of a namespace that is being deleted: pure.

Source: kubernetes ``pkg/controller/namespace/deletion/status_condition_utils.go``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nsorch.kit.clock import rfc3339
from nsorch.resources.namespace import Namespace, NamespaceCondition, NamespaceStatus


def _counted(counts: Mapping[str, int], form: str) -> str:
    return ", ".join(form.format(name, counts[name]) for name in sorted(counts) if counts[name])


def terminating(
    namespace: Namespace,
    remaining: Mapping[str, int],
    finalizers: Mapping[str, int],
    failures: Sequence[str],
    now: float,
) -> NamespaceStatus:
    """The status to publish.

    ``remaining`` counts what is left by ``RESOURCE.GROUP``, ``finalizers`` how many objects wait for which finalizer,
    ``failures`` say why something could not be deleted.
    """
    rows = [
        (
            "NamespaceDeletionDiscoveryFailure",
            False,
            "ResourcesDiscovered",
            "All resources successfully discovered",
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            False,
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        (
            ("NamespaceDeletionContentFailure", True, "ContentDeletionFailed", "; ".join(sorted(failures)))
            if failures
            else (
                "NamespaceDeletionContentFailure",
                False,
                "ContentDeleted",
                "All content successfully deleted, may be waiting on finalization",
            )
        ),
        (
            (
                "NamespaceContentRemaining",
                True,
                "SomeResourcesRemain",
                f"Some resources are remaining: {_counted(remaining, '{} has {} resource instances')}",
            )
            if any(remaining.values())
            else ("NamespaceContentRemaining", False, "ContentRemoved", "All content successfully removed")
        ),
        (
            (
                "NamespaceFinalizersRemaining",
                True,
                "SomeFinalizersRemain",
                "Some content in the namespace has finalizers remaining: "
                + _counted(finalizers, "{} in {} resource instances"),
            )
            if any(finalizers.values())
            else (
                "NamespaceFinalizersRemaining",
                False,
                "ContentHasNoFinalizers",
                "All content-preserving finalizers finished",
            )
        ),
    ]
    known = {condition.type: condition for condition in namespace.status.conditions or ()}
    conditions = [condition for condition in known.values() if condition.type not in {row[0] for row in rows}]
    for type, holds, reason, message in rows:
        state = "True" if holds else "False"
        before = known.get(type)
        since = before.lastTransitionTime if before is not None and before.status == state else rfc3339(now)
        conditions.append(
            NamespaceCondition(type=type, status=state, reason=reason, message=message, lastTransitionTime=since)
        )
    return NamespaceStatus(phase="Terminating", conditions=conditions)
