"""A Pod's volumes: what a mount inside a container shows."""

from __future__ import annotations

from typing import Annotated

from nsorch.resources.base import Model
from nsorch.resources.common import LabelSelector, TypedLocalObjectReference, TypedObjectReference
from nsorch.resources.container import ObjectFieldSelector, ResourceFieldSelector
from nsorch.resources.merging import ATOMIC
from nsorch.resources.meta import ObjectMeta
from nsorch.resources.scalars import Int32, Int64, Quantity
from nsorch.resources.volume_remote import (
    AWSElasticBlockStoreVolumeSource,
    AzureDiskVolumeSource,
    AzureFileVolumeSource,
    CephFSVolumeSource,
    CinderVolumeSource,
    CSIVolumeSource,
    FCVolumeSource,
    FlexVolumeSource,
    FlockerVolumeSource,
    GCEPersistentDiskVolumeSource,
    GitRepoVolumeSource,
    GlusterfsVolumeSource,
    ISCSIVolumeSource,
    PhotonPersistentDiskVolumeSource,
    PortworxVolumeSource,
    QuobyteVolumeSource,
    RBDVolumeSource,
    ScaleIOVolumeSource,
    StorageOSVolumeSource,
    VsphereVirtualDiskVolumeSource,
)


class KeyToPath(Model):
    """Which key becomes which file of a volume."""

    key: str
    """The key."""
    path: str
    """The file, relative to the mount."""
    mode: Int32 | None = None
    """Permission bits of this file, 0 to 0777; defaultMode if not set."""


class ConfigMapVolumeSource(Model):
    """A volume with one file per key of a ConfigMap."""

    defaultMode: Int32 | None = None
    """Permission bits of the files, 0 to 0777. Defaults to 0644."""
    items: Annotated[list[KeyToPath] | None, ATOMIC] = None
    """Which keys become which files; all keys if not set."""
    name: str | None = None
    """The name of the ConfigMap."""
    optional: bool | None = None
    """Whether it may be missing."""


class SecretVolumeSource(Model):
    """A volume with one file per key of a Secret."""

    defaultMode: Int32 | None = None
    """Permission bits of the files, 0 to 0777. Defaults to 0644."""
    items: Annotated[list[KeyToPath] | None, ATOMIC] = None
    """Which keys become which files; all keys if not set."""
    optional: bool | None = None
    """Whether it may be missing."""
    secretName: str | None = None
    """The name of the Secret."""


class DownwardAPIVolumeFile(Model):
    """A file that holds a field of the Pod."""

    path: str
    """The file, relative to the mount."""
    fieldRef: ObjectFieldSelector | None = None
    """A field of the Pod."""
    mode: Int32 | None = None
    """Permission bits of this file, 0 to 0777; defaultMode if not set."""
    resourceFieldRef: ResourceFieldSelector | None = None
    """A limit or request of a container."""


class DownwardAPIVolumeSource(Model):
    """A volume of files that hold fields of the Pod."""

    defaultMode: Int32 | None = None
    """Permission bits of the files, 0 to 0777. Defaults to 0644."""
    items: Annotated[list[DownwardAPIVolumeFile] | None, ATOMIC] = None
    """The files."""


class EmptyDirVolumeSource(Model):
    """An empty folder that lives as long as the Pod."""

    medium: str | None = None
    """Empty for disk, Memory for tmpfs."""
    sizeLimit: Quantity | None = None
    """How much may be stored."""


class HostPathVolumeSource(Model):
    """A file or folder of the host."""

    path: str
    """The path on the host."""
    type: str | None = None
    """What must be there or is made: Directory, DirectoryOrCreate, File, FileOrCreate, Socket and others."""


class NFSVolumeSource(Model):
    """A folder of an NFS server."""

    path: str
    server: str
    readOnly: bool | None = None
    """Whether writing is refused."""


class ImageVolumeSource(Model):
    """The content of an image, read-only."""

    pullPolicy: str | None = None
    reference: str | None = None


class PersistentVolumeClaimVolumeSource(Model):
    """The volume that a claim in the same namespace is bound to."""

    claimName: str
    """The name of the claim."""
    readOnly: bool | None = None
    """Whether writing is refused."""


class VolumeResourceRequirements(Model):
    """How much storage a claim asks for."""

    limits: dict[str, Quantity] | None = None
    requests: dict[str, Quantity] | None = None


class PersistentVolumeClaimSpec(Model):
    """What storage a claim asks for."""

    accessModes: Annotated[list[str] | None, ATOMIC] = None
    dataSource: TypedLocalObjectReference | None = None
    dataSourceRef: TypedObjectReference | None = None
    resources: VolumeResourceRequirements | None = None
    selector: LabelSelector | None = None
    storageClassName: str | None = None
    volumeAttributesClassName: str | None = None
    volumeMode: str | None = None
    volumeName: str | None = None


class PersistentVolumeClaimTemplate(Model):
    """A claim that is made for a Pod and dies with it."""

    spec: PersistentVolumeClaimSpec
    metadata: ObjectMeta | None = None


class EphemeralVolumeSource(Model):
    """A volume from a claim that lives as long as the Pod."""

    volumeClaimTemplate: PersistentVolumeClaimTemplate | None = None


class ConfigMapProjection(Model):
    """Keys of a ConfigMap inside a projected volume."""

    items: Annotated[list[KeyToPath] | None, ATOMIC] = None
    """Which keys become which files; all keys if not set."""
    name: str | None = None
    """The name of the ConfigMap."""
    optional: bool | None = None
    """Whether it may be missing."""


class SecretProjection(Model):
    """Keys of a Secret inside a projected volume."""

    items: Annotated[list[KeyToPath] | None, ATOMIC] = None
    """Which keys become which files; all keys if not set."""
    name: str | None = None
    """The name of the Secret."""
    optional: bool | None = None
    """Whether it may be missing."""


class DownwardAPIProjection(Model):
    """Fields of the Pod inside a projected volume."""

    items: Annotated[list[DownwardAPIVolumeFile] | None, ATOMIC] = None


class ServiceAccountTokenProjection(Model):
    """A token of the Pod's ServiceAccount inside a projected volume."""

    path: str
    """The file, relative to the mount."""
    audience: str | None = None
    """Who the token is for."""
    expirationSeconds: Int64 | None = None
    """How long the token is valid. Defaults to 3600."""


class ClusterTrustBundleProjection(Model):
    """Certificates of trust inside a projected volume."""

    path: str
    labelSelector: LabelSelector | None = None
    name: str | None = None
    optional: bool | None = None
    """Whether it may be missing."""
    signerName: str | None = None


class VolumeProjection(Model):
    """One source of a projected volume; exactly one member is set."""

    clusterTrustBundle: ClusterTrustBundleProjection | None = None
    """Certificates of trust."""
    configMap: ConfigMapProjection | None = None
    """Keys of a ConfigMap."""
    downwardAPI: DownwardAPIProjection | None = None
    """Fields of the Pod."""
    secret: SecretProjection | None = None
    """Keys of a Secret."""
    serviceAccountToken: ServiceAccountTokenProjection | None = None
    """A token of the Pod's ServiceAccount."""


class ProjectedVolumeSource(Model):
    """Several sources in one volume."""

    defaultMode: Int32 | None = None
    """Permission bits of the files, 0 to 0777. Defaults to 0644."""
    sources: Annotated[list[VolumeProjection] | None, ATOMIC] = None
    """What the volume shows."""


class Volume(Model):
    """A named volume of a Pod; exactly one source is set."""

    name: str
    """The name, unique within the Pod."""
    awsElasticBlockStore: AWSElasticBlockStoreVolumeSource | None = None
    azureDisk: AzureDiskVolumeSource | None = None
    azureFile: AzureFileVolumeSource | None = None
    cephfs: CephFSVolumeSource | None = None
    cinder: CinderVolumeSource | None = None
    configMap: ConfigMapVolumeSource | None = None
    """One file per key of a ConfigMap."""
    csi: CSIVolumeSource | None = None
    """A short-lived volume from a CSI driver."""
    downwardAPI: DownwardAPIVolumeSource | None = None
    """Files that hold fields of the Pod."""
    emptyDir: EmptyDirVolumeSource | None = None
    """An empty folder that lives as long as the Pod."""
    ephemeral: EphemeralVolumeSource | None = None
    """A volume from a claim that lives as long as the Pod."""
    fc: FCVolumeSource | None = None
    flexVolume: FlexVolumeSource | None = None
    flocker: FlockerVolumeSource | None = None
    gcePersistentDisk: GCEPersistentDiskVolumeSource | None = None
    gitRepo: GitRepoVolumeSource | None = None
    glusterfs: GlusterfsVolumeSource | None = None
    hostPath: HostPathVolumeSource | None = None
    """A file or folder of the host."""
    image: ImageVolumeSource | None = None
    """The content of an image, read-only."""
    iscsi: ISCSIVolumeSource | None = None
    nfs: NFSVolumeSource | None = None
    """A folder of an NFS server."""
    persistentVolumeClaim: PersistentVolumeClaimVolumeSource | None = None
    """The volume of a claim."""
    photonPersistentDisk: PhotonPersistentDiskVolumeSource | None = None
    portworxVolume: PortworxVolumeSource | None = None
    projected: ProjectedVolumeSource | None = None
    """Several sources in one volume."""
    quobyte: QuobyteVolumeSource | None = None
    rbd: RBDVolumeSource | None = None
    scaleIO: ScaleIOVolumeSource | None = None
    secret: SecretVolumeSource | None = None
    """One file per key of a Secret."""
    storageos: StorageOSVolumeSource | None = None
    vsphereVolume: VsphereVirtualDiskVolumeSource | None = None
