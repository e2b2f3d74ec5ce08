"""The ``ephemeralcontainers`` subresource of Pods: containers are added to a running Pod, and nothing else changes.

Source: kubernetes ``pkg/registry/core/pod/strategy.go`` (podEphemeralContainersStrategy) and
``pkg/apis/core/validation`` (ValidatePodEphemeralContainersUpdate).
"""

from __future__ import annotations

from nsorch.resources import checks
from nsorch.resources.pod import Pod
from nsorch.resources.pod_defaults import default_pod
from nsorch.resources.pod_validation import validate_pod_spec
from nsorch.resources.registry import Cause
from nsorch.resources.strategy import generation_on_update

FIELD = "spec.ephemeralContainers"
MIRROR = "kubernetes.io/config.mirror"


def prepare_ephemeral(new: Pod, old: Pod) -> Pod:
    """The old Pod with the ephemeral containers of the new one; the caller's resourceVersion stays with it."""
    pod = old.copy_deep()
    pod.metadata.resourceVersion = new.metadata.resourceVersion
    pod.metadata.managedFields = new.metadata.managedFields or pod.metadata.managedFields
    pod.spec.ephemeralContainers = new.spec.ephemeralContainers or None
    default_pod(pod)
    generation_on_update(pod, old, changed=pod.spec != old.spec)
    return pod


def validate_ephemeral(new: Pod, old: Pod) -> list[Cause]:
    """Everything wrong with the ephemeral containers; those that are there can neither change nor go."""
    causes = [cause for cause in validate_pod_spec(new.spec, "spec") if cause.field.startswith(FIELD)]
    if MIRROR in (old.metadata.annotations or {}):
        causes.append(checks.forbidden("", "static pods do not support ephemeral containers"))
    after = {container.name: container for container in new.spec.ephemeralContainers or ()}
    for container in old.spec.ephemeralContainers or ():
        if container.name not in after:
            causes.append(
                checks.forbidden(FIELD, f'existing ephemeral containers "{container.name}" may not be removed')
            )
        elif after[container.name] != container:
            causes.append(
                checks.forbidden(FIELD, f'existing ephemeral containers "{container.name}" may not be changed')
            )
    return causes
