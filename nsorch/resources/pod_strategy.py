"""What happens to a Pod's fields on create and update, and which of them may change.

Source: https://kubernetes.io/docs/concepts/workloads/pods/#pod-update-and-replacement
"""

from __future__ import annotations

from nsorch.resources import checks
from nsorch.resources.container import Container
from nsorch.resources.meta_validation import validate_metadata_update
from nsorch.resources.pod import Pod, PodSpec, PodStatus
from nsorch.resources.pod_validation import validate_pod_spec
from nsorch.resources.qos import qos_class
from nsorch.resources.registry import Cause
from nsorch.resources.strategy import generation_on_create, generation_on_update, only_status

_ONLY_THESE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def prepare_create(pod: Pod) -> None:
    """A new Pod is Pending and has its quality-of-service class, whatever status was sent."""
    generation_on_create(pod)
    pod.status = PodStatus(phase="Pending", qosClass=qos_class(pod.spec))


def prepare_update(new: Pod, old: Pod) -> None:
    """Status is written through its own subresource only."""
    new.status = old.status
    generation_on_update(new, old, changed=new.spec != old.spec)


def prepare_status(new: Pod, old: Pod) -> None:
    """The node reports status; the class of service never changes after creation."""
    only_status(new, old)
    if new.status.qosClass is None:
        new.status.qosClass = old.status.qosClass


def validate_update(new: Pod, old: Pod) -> list[Cause]:
    """Metadata may change; of the spec only images, deadline and further tolerations."""
    causes = validate_metadata_update(new.metadata, old.metadata)
    causes += validate_pod_spec(new.spec, "spec")
    if _count(new.spec) != _count(old.spec):
        causes.append(checks.forbidden("spec.containers", "pod updates may not add or remove containers"))
        return causes
    causes += _deadline(new.spec, old.spec)
    for index, toleration in enumerate(old.spec.tolerations or ()):
        if toleration not in (new.spec.tolerations or ()):
            causes.append(
                checks.forbidden(
                    f"spec.tolerations[{index}]",
                    "existing toleration can not be modified except its tolerationSeconds",
                )
            )
    gates = {gate.name for gate in old.spec.schedulingGates or ()}
    for index, gate in enumerate(new.spec.schedulingGates or ()):
        if gate.name not in gates:
            causes.append(
                checks.forbidden(
                    f"spec.schedulingGates[{index}]", "only deletion is allowed, but found new scheduling gate"
                )
            )
    if _fixed(new.spec, old.spec) != old.spec:
        causes.append(checks.forbidden("spec", f"{_ONLY_THESE}; changed: {', '.join(_changed(new.spec, old.spec))}"))
    return causes


def grace_seconds(pod: Pod) -> int:
    """How long a Pod may take to end unless the request says otherwise; nothing runs in a finished Pod."""
    if pod.status.phase in ("Succeeded", "Failed"):
        return 0
    seconds = pod.spec.terminationGracePeriodSeconds
    return 30 if seconds is None else max(seconds, 1 if seconds < 0 else 0)


def _count(spec: PodSpec) -> tuple[int, int]:
    return len(spec.containers), len(spec.initContainers or ())


def _deadline(new: PodSpec, old: PodSpec) -> list[Cause]:
    field, after, before = "spec.activeDeadlineSeconds", new.activeDeadlineSeconds, old.activeDeadlineSeconds
    if after is None and before is not None:
        return [checks.invalid(field, after, "must not update from a positive integer to nil value")]
    if after is not None and before is not None and after > before:
        return [checks.invalid(field, after, f"must be less than or equal to previous value {before}")]
    return []


def _fixed(new: PodSpec, old: PodSpec) -> PodSpec:
    """``new`` with everything that may change set back to what it was."""
    grace = new.terminationGracePeriodSeconds
    shortened = grace == 1 and (old.terminationGracePeriodSeconds or 0) < 0
    return new.model_copy(
        update={
            "containers": _images(new.containers, old.containers),
            "initContainers": _images(new.initContainers, old.initContainers),
            "activeDeadlineSeconds": old.activeDeadlineSeconds,
            "tolerations": old.tolerations,
            "schedulingGates": old.schedulingGates,
            "terminationGracePeriodSeconds": old.terminationGracePeriodSeconds if shortened else grace,
        }
    )


def _images(new: list[Container] | None, old: list[Container] | None) -> list[Container] | None:
    if new is None or old is None:
        return new
    return [one.model_copy(update={"image": two.image}) for one, two in zip(new, old, strict=True)]


def _changed(new: PodSpec, old: PodSpec) -> list[str]:
    fixed = _fixed(new, old)
    return [f"spec.{name}" for name in PodSpec.model_fields if getattr(fixed, name) != getattr(old, name)]
