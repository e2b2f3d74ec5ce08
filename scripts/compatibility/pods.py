"""What the fields of Pods and of their containers do here."""

from __future__ import annotations

from typing import Any

from nsorch.resources.container import Container, ContainerPort, EphemeralContainer, ResourceRequirements, VolumeMount
from nsorch.resources.pod import PodSpec
from nsorch.resources.probe import Lifecycle, Probe
from nsorch.resources.scheduling import Affinity, Toleration
from nsorch.resources.security import PodSecurityContext, SecurityContext
from nsorch.resources.volume import EmptyDirVolumeSource, Volume, VolumeProjection
from scripts.compatibility.statement import Section, Statement, partly, refused, warned, works

CONTAINER: dict[str, Any] = {"name": "main", "image": "busybox:1"}
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"containers": [CONTAINER]},
}


def _pod(**spec: Any) -> dict[str, Any]:
    return POD | {"spec": {"containers": [CONTAINER], **spec}}


def _container(**fields: Any) -> dict[str, Any]:
    return POD | {"spec": {"containers": [CONTAINER | fields]}}


TERM = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}
SPREAD = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
DEBUGGER = {"name": "debugger", "image": "busybox:1"}
PROBE = {"exec": {"command": ["true"]}}
BLOCK = {"name": "disk", "persistentVolumeClaim": {"claimName": "disk"}}

POD_SPEC = Section(
    "Pod spec (also of the templates in Deployments and ReplicaSets)",
    PodSpec,
    POD,
    "spec",
    (
        *works("containers initContainers", "see below; init containers with `restartPolicy: Always` are sidecars"),
        *works("activeDeadlineSeconds restartPolicy terminationGracePeriodSeconds"),
        *works("hostNetwork hostPID hostIPC shareProcessNamespace"),
        *works("hostname subdomain setHostnameAsFQDN hostAliases dnsPolicy dnsConfig"),
        *works("enableServiceLinks readinessGates securityContext volumes"),
        *works("nodeName", "a Pod for a node that does not exist is removed after 40 s"),
        *works("nodeSelector schedulingGates"),
        *works("resources", "limits and weights of the Pod's own cgroup"),
        *works("priority", "system-critical Pods are spared by the OOM killer; nothing is preempted"),
        *works("serviceAccountName", "must exist"),
        partly("affinity", "required node affinity; see below", {"podAffinity": {}}),
        partly("tolerations", "against taints of the Node, when the Pod is placed", [{"tolerationSeconds": 5, "key": "x",
            "operator": "Exists", "effect": "NoExecute"}]),
        partly("serviceAccount", "taken for serviceAccountName, which is its new name", "default"),
        partly("hostUsers", "true; there are no user namespaces", False),
        partly("schedulerName", "default-scheduler; other schedulers may bind through `pods/binding`", "other"),
        partly("os", "linux", {"name": "windows"}),
        partly("preemptionPolicy", "PreemptLowerPriority, the default, has nothing to do", "Never"),
        partly("ephemeralContainers", "through `pods/ephemeralcontainers` only, refused on create; see below",
            [DEBUGGER | {"targetContainerName": "main"}]),
        *works("automountServiceAccountToken"),
        warned("imagePullSecrets", "images are built or loaded, not pulled", [{"name": "registry"}]),
        warned("overhead", "Pods have no overhead", {"cpu": "1m"}),
        warned("priorityClassName", "PriorityClasses are not served", "important"),
        warned("resourceClaims", "no dynamic resource allocation", [{"name": "gpu", "resourceClaimName": "gpu"}]),
        warned("runtimeClassName", "one runtime: processes in namespaces", "gvisor"),
        warned("topologySpreadConstraints", "one node: every spread is even", [SPREAD]),
    ),
)  # fmt: skip

AFFINITY = Section(
    "Pod affinity",
    Affinity,
    _pod(affinity={"nodeAffinity": {}}),
    "spec.affinity",
    (
        *works("nodeAffinity", "required terms decide; preferred ones have no choice between nodes"),
        warned(
            "podAffinity", "all Pods run on the one node", {"requiredDuringSchedulingIgnoredDuringExecution": [TERM]}
        ),
        warned(
            "podAntiAffinity",
            "all Pods run on the one node: what must not share it does",
            {"requiredDuringSchedulingIgnoredDuringExecution": [TERM]},
        ),
    ),
)

TOLERATION = Section(
    "Pod tolerations",
    Toleration,
    _pod(tolerations=[{"key": "x", "operator": "Exists", "effect": "NoExecute"}]),
    "spec.tolerations.0",
    (
        *works("key operator value effect"),
        warned("tolerationSeconds", "taints do not evict Pods that run", 5),
    ),
)

POD_SECURITY = Section(
    "Pod securityContext",
    PodSecurityContext,
    _pod(securityContext={}),
    "spec.securityContext",
    (
        *works("runAsUser runAsGroup runAsNonRoot supplementalGroups sysctls"),
        *works("fsGroup", "of volumes that nsorch makes: emptyDir on disk, configMap, secret, downwardAPI, projected"),
        partly("seccompProfile", "RuntimeDefault, Unconfined", {"type": "Localhost", "localhostProfile": "own.json"}),
        partly("appArmorProfile", "Unconfined", {"type": "RuntimeDefault"}),
        partly("fsGroupChangePolicy", "Always", "OnRootMismatch"),
        partly("supplementalGroupsPolicy", "Merge", "Strict"),
        warned("seLinuxOptions", "SELinux labels are not set", {"level": "s0"}),
        warned("seLinuxChangePolicy", "SELinux labels are not set", "Recursive"),
        warned("windowsOptions", "the node runs Linux", {"runAsUserName": "me"}),
    ),
)

SECURITY = Section(
    "Container securityContext",
    SecurityContext,
    _container(securityContext={}),
    "spec.containers.0.securityContext",
    (
        *works("runAsUser runAsGroup runAsNonRoot privileged capabilities allowPrivilegeEscalation"),
        *works("readOnlyRootFilesystem procMount"),
        partly("seccompProfile", "RuntimeDefault, Unconfined", {"type": "Localhost", "localhostProfile": "own.json"}),
        partly("appArmorProfile", "Unconfined", {"type": "RuntimeDefault"}),
        warned("seLinuxOptions", "SELinux labels are not set", {"level": "s0"}),
        warned("windowsOptions", "the node runs Linux", {"runAsUserName": "me"}),
    ),
)

CONTAINERS = Section(
    "Container",
    Container,
    POD,
    "spec.containers.0",
    (
        *works("name image command args workingDir env envFrom stdin stdinOnce tty volumeMounts"),
        *works("imagePullPolicy", "Always means what the name means on this machine now: nothing is pulled"),
        *works("livenessProbe readinessProbe startupProbe lifecycle"),
        *works("terminationMessagePath terminationMessagePolicy"),
        refused("restartPolicy", "works for init containers: Always makes a sidecar", "Always"),
        partly("ports", "names and numbers for Services and probes; see below", [{"containerPort": 80, "hostPort": 80}]),
        partly("resources", "cpu and memory; see below", {"limits": {"nvidia.com/gpu": "1"}}),
        partly("securityContext", "see below", {"seLinuxOptions": {"level": "s0"}}),
        warned("resizePolicy", "no resizing in place", [{"resourceName": "cpu", "restartPolicy": "NotRequired"}]),
        warned("volumeDevices", "no block devices", [{"name": "disk", "devicePath": "/dev/disk"}],
            {"spec.volumes": [BLOCK]}),
    ),
)  # fmt: skip

EPHEMERAL = Section(
    "Ephemeral container",
    EphemeralContainer,
    _pod(ephemeralContainers=[DEBUGGER]),
    "spec.ephemeralContainers.0",
    (
        *works("name image imagePullPolicy command args workingDir env envFrom stdin stdinOnce tty volumeMounts"),
        *works("terminationMessagePath terminationMessagePolicy"),
        partly("securityContext", "as for containers", {"seLinuxOptions": {"level": "s0"}}),
        warned("targetContainerName", "works with shareProcessNamespace, where all see each other", "main"),
        warned("volumeDevices", "no block devices", [{"name": "disk", "devicePath": "/dev/disk"}],
            {"spec.volumes": [BLOCK]}),
        refused("lifecycle", "as in Kubernetes", {"preStop": PROBE}),
        refused("livenessProbe", "as in Kubernetes", PROBE),
        refused("readinessProbe", "as in Kubernetes", PROBE),
        refused("startupProbe", "as in Kubernetes", PROBE),
        refused("ports", "as in Kubernetes", [{"containerPort": 80}]),
        refused("resources", "as in Kubernetes", {"limits": {"cpu": "1"}}),
        refused("resizePolicy", "as in Kubernetes", [{"resourceName": "cpu", "restartPolicy": "NotRequired"}]),
        refused("restartPolicy", "as in Kubernetes", "Always"),
    ),
)  # fmt: skip

PORT = Section(
    "Container port",
    ContainerPort,
    _container(ports=[{"containerPort": 80}]),
    "spec.containers.0.ports.0",
    (
        *works("name containerPort protocol"),
        warned("hostPort", "only with hostNetwork; use a Service of type NodePort", 8080),
        warned("hostIP", "only with hostNetwork", "127.0.0.1"),
    ),
)

RESOURCES = Section(
    "Container resources",
    ResourceRequirements,
    _container(resources={}),
    "spec.containers.0.resources",
    (
        partly("limits", "cpu and memory, by cgroups", {"ephemeral-storage": "1Gi"}),
        partly(
            "requests",
            "cpu (weight) and memory (order of the OOM killer); not compared with what the Node has",
            {"ephemeral-storage": "1Gi"},
        ),
        warned("claims", "no dynamic resource allocation", [{"name": "gpu"}],
            {"spec.resourceClaims": [{"name": "gpu", "resourceClaimName": "gpu"}]}),
    ),
)  # fmt: skip

MOUNT = Section(
    "Volume mount",
    VolumeMount,
    POD | {"spec": {"containers": [CONTAINER | {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
        "volumes": [{"name": "v", "emptyDir": {}}]}},
    "spec.containers.0.volumeMounts.0",
    (
        *works("name mountPath readOnly subPath subPathExpr mountPropagation"),
        *works("recursiveReadOnly", "read-only mounts are always recursive where the kernel can do it"),
    ),
)  # fmt: skip

PROBES = Section(
    "Probe",
    Probe,
    _container(livenessProbe=PROBE),
    "spec.containers.0.livenessProbe",
    (
        *works("exec httpGet tcpSocket grpc"),
        *works("initialDelaySeconds periodSeconds timeoutSeconds successThreshold failureThreshold"),
        *works("terminationGracePeriodSeconds"),
    ),
)

LIFECYCLE = Section(
    "Container lifecycle",
    Lifecycle,
    _container(lifecycle={}),
    "spec.containers.0.lifecycle",
    works("postStart preStop stopSignal"),
)


def _volume(name: str) -> Statement:
    value = _SOURCES.get(name, {})
    return warned(name, "the Pod waits, and an Event says why", value)


_SOURCES: dict[str, Any] = {
    "awsElasticBlockStore": {"volumeID": "v"},
    "azureDisk": {"diskName": "d", "diskURI": "u"},
    "azureFile": {"secretName": "s", "shareName": "n"},
    "cephfs": {"monitors": ["m"]},
    "cinder": {"volumeID": "v"},
    "csi": {"driver": "d.example.com"},
    "ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"]}}},
    "fc": {"targetWWNs": ["w"], "lun": 1},
    "flexVolume": {"driver": "d"},
    "flocker": {"datasetName": "d"},
    "gcePersistentDisk": {"pdName": "d"},
    "gitRepo": {"repository": "r"},
    "glusterfs": {"endpoints": "e", "path": "p"},
    "image": {"reference": "busybox:1"},
    "iscsi": {"iqn": "iqn.2001-04.com.example:disk", "lun": 0, "targetPortal": "10.0.0.1"},
    "nfs": {"server": "s", "path": "/p"},
    "persistentVolumeClaim": {"claimName": "c"},
    "photonPersistentDisk": {"pdID": "d"},
    "portworxVolume": {"volumeID": "v"},
    "quobyte": {"registry": "r:1", "volume": "v"},
    "rbd": {"image": "i", "monitors": ["m"]},
    "scaleIO": {"gateway": "g", "system": "s", "secretRef": {"name": "n"}},
    "storageos": {},
    "vsphereVolume": {"volumePath": "p"},
}

VOLUME = Section(
    "Volume",
    Volume,
    _pod(volumes=[{"name": "v"}]),
    "spec.volumes.0",
    (
        *works("name configMap secret downwardAPI"),
        *works("hostPath", "all its types"),
        partly("emptyDir", "on disk or in memory; see below", {"medium": "HugePages"}),
        partly("projected", "configMap, secret, downwardAPI, serviceAccountToken; see below",
            {"sources": [{"clusterTrustBundle": {"name": "bundle", "path": "ca.pem"}}]}),
        *(_volume(name) for name in _SOURCES),
    ),
)  # fmt: skip

EMPTY_DIR = Section(
    "Volume emptyDir",
    EmptyDirVolumeSource,
    _pod(volumes=[{"name": "v", "emptyDir": {}}]),
    "spec.volumes.0.emptyDir",
    (
        partly("medium", "empty (disk) and Memory (tmpfs)", "HugePages"),
        partly("sizeLimit", "with medium Memory", "1Gi"),
    ),
)

PROJECTION = Section(
    "Volume projected source",
    VolumeProjection,
    _pod(volumes=[{"name": "v", "projected": {"sources": [{}]}}]),
    "spec.volumes.0.projected.sources.0",
    (
        *works("configMap secret downwardAPI"),
        *works("serviceAccountToken"),
        warned("clusterTrustBundle", "there are none; the Pod waits unless it is optional",
            {"name": "bundle", "path": "ca.pem"}),
    ),
)  # fmt: skip

POD_SECTIONS = (
    POD_SPEC,
    AFFINITY,
    TOLERATION,
    POD_SECURITY,
    CONTAINERS,
    EPHEMERAL,
    PORT,
    RESOURCES,
    SECURITY,
    MOUNT,
    PROBES,
    LIFECYCLE,
    VOLUME,
    EMPTY_DIR,
    PROJECTION,
)
