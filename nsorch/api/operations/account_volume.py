"""The volume with token, CA certificate and namespace that every Pod gets, unless it or its ServiceAccount says no.

Source: kubernetes ``plugin/pkg/admission/serviceaccount/admission.go``.
"""

from __future__ import annotations

import secrets

from nsorch.resources.account import ServiceAccount
from nsorch.resources.container import VolumeMount
from nsorch.resources.pod import Pod
from nsorch.resources.volume import Volume

PREFIX = "kube-api-access-"
FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
SECONDS = 3607
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
HOST_IMAGE = "nsorch.local/host"


def add(pod: Pod, account: ServiceAccount) -> None:
    """Add volume and mounts where they are missing."""
    wanted = pod.spec.automountServiceAccountToken
    if wanted is None:
        wanted = account.automountServiceAccountToken
    if wanted is False:
        return
    containers = [*(pod.spec.initContainers or ()), *pod.spec.containers]
    if any((container.image or "").split(":")[0] == HOST_IMAGE for container in containers):
        return  # the host's own root, where nothing can be mounted on a folder that is not there
    name = next((one.name for one in pod.spec.volumes or () if one.name.startswith(PREFIX)), "")
    known = bool(name)
    name = name or PREFIX + "".join(secrets.choice(_LETTERS) for _ in range(5))
    needs = False
    for container in containers:
        if any(mount.mountPath == FOLDER for mount in container.volumeMounts or ()):
            continue
        needs = True
        mount = VolumeMount(name=name, readOnly=True, mountPath=FOLDER)
        container.volumeMounts = [*(container.volumeMounts or ()), mount]
    if needs and not known:
        pod.spec.volumes = [*(pod.spec.volumes or ()), _volume(name)]


def _volume(name: str) -> Volume:
    sources = [
        {"serviceAccountToken": {"expirationSeconds": SECONDS, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {
            "downwardAPI": {
                "items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]
            }
        },
    ]
    return Volume.from_dict({"name": name, "projected": {"sources": sources, "defaultMode": 420}})
