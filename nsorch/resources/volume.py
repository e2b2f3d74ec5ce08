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
    """``KeyToPath``."""

    key: str
    path: str
    mode: Int32 | None = None


class ConfigMapVolumeSource(Model):
    """``ConfigMapVolumeSource``."""

    defaultMode: Int32 | None = None
    items: Annotated[list[KeyToPath] | None, ATOMIC] = None
    name: str | None = None
    optional: bool | None = None


class SecretVolumeSource(Model):
    """``SecretVolumeSource``."""

    defaultMode: Int32 | None = None
    items: Annotated[list[KeyToPath] | None, ATOMIC] = None
    optional: bool | None = None
    secretName: str | None = None


class DownwardAPIVolumeFile(Model):
    """``DownwardAPIVolumeFile``."""

    path: str
    fieldRef: ObjectFieldSelector | None = None
    mode: Int32 | None = None
    resourceFieldRef: ResourceFieldSelector | None = None


class DownwardAPIVolumeSource(Model):
    """``DownwardAPIVolumeSource``."""

    defaultMode: Int32 | None = None
    items: Annotated[list[DownwardAPIVolumeFile] | None, ATOMIC] = None


class EmptyDirVolumeSource(Model):
    """``EmptyDirVolumeSource``."""

    medium: str | None = None
    sizeLimit: Quantity | None = None


class HostPathVolumeSource(Model):
    """``HostPathVolumeSource``."""

    path: str
    type: str | None = None


class NFSVolumeSource(Model):
    """``NFSVolumeSource``."""

    path: str
    server: str
    readOnly: bool | None = None


class ImageVolumeSource(Model):
    """``ImageVolumeSource``."""

    pullPolicy: str | None = None
    reference: str | None = None


class PersistentVolumeClaimVolumeSource(Model):
    """``PersistentVolumeClaimVolumeSource``."""

    claimName: str
    readOnly: bool | None = None


class VolumeResourceRequirements(Model):
    """``VolumeResourceRequirements``."""

    limits: dict[str, Quantity] | None = None
    requests: dict[str, Quantity] | None = None


class PersistentVolumeClaimSpec(Model):
    """``PersistentVolumeClaimSpec``."""

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
    """``PersistentVolumeClaimTemplate``."""

    spec: PersistentVolumeClaimSpec
    metadata: ObjectMeta | None = None


class EphemeralVolumeSource(Model):
    """``EphemeralVolumeSource``."""

    volumeClaimTemplate: PersistentVolumeClaimTemplate | None = None


class ConfigMapProjection(Model):
    """``ConfigMapProjection``."""

    items: Annotated[list[KeyToPath] | None, ATOMIC] = None
    name: str | None = None
    optional: bool | None = None


class SecretProjection(Model):
    """``SecretProjection``."""

    items: Annotated[list[KeyToPath] | None, ATOMIC] = None
    name: str | None = None
    optional: bool | None = None


class DownwardAPIProjection(Model):
    """``DownwardAPIProjection``."""

    items: Annotated[list[DownwardAPIVolumeFile] | None, ATOMIC] = None


class ServiceAccountTokenProjection(Model):
    """``ServiceAccountTokenProjection``."""

    path: str
    audience: str | None = None
    expirationSeconds: Int64 | None = None


class ClusterTrustBundleProjection(Model):
    """``ClusterTrustBundleProjection``."""

    path: str
    labelSelector: LabelSelector | None = None
    name: str | None = None
    optional: bool | None = None
    signerName: str | None = None


class VolumeProjection(Model):
    """``VolumeProjection``."""

    clusterTrustBundle: ClusterTrustBundleProjection | None = None
    configMap: ConfigMapProjection | None = None
    downwardAPI: DownwardAPIProjection | None = None
    secret: SecretProjection | None = None
    serviceAccountToken: ServiceAccountTokenProjection | None = None


class ProjectedVolumeSource(Model):
    """``ProjectedVolumeSource``."""

    defaultMode: Int32 | None = None
    sources: Annotated[list[VolumeProjection] | None, ATOMIC] = None


class Volume(Model):
    """``Volume``."""

    name: str
    awsElasticBlockStore: AWSElasticBlockStoreVolumeSource | None = None
    azureDisk: AzureDiskVolumeSource | None = None
    azureFile: AzureFileVolumeSource | None = None
    cephfs: CephFSVolumeSource | None = None
    cinder: CinderVolumeSource | None = None
    configMap: ConfigMapVolumeSource | None = None
    csi: CSIVolumeSource | None = None
    downwardAPI: DownwardAPIVolumeSource | None = None
    emptyDir: EmptyDirVolumeSource | None = None
    ephemeral: EphemeralVolumeSource | None = None
    fc: FCVolumeSource | None = None
    flexVolume: FlexVolumeSource | None = None
    flocker: FlockerVolumeSource | None = None
    gcePersistentDisk: GCEPersistentDiskVolumeSource | None = None
    gitRepo: GitRepoVolumeSource | None = None
    glusterfs: GlusterfsVolumeSource | None = None
    hostPath: HostPathVolumeSource | None = None
    image: ImageVolumeSource | None = None
    iscsi: ISCSIVolumeSource | None = None
    nfs: NFSVolumeSource | None = None
    persistentVolumeClaim: PersistentVolumeClaimVolumeSource | None = None
    photonPersistentDisk: PhotonPersistentDiskVolumeSource | None = None
    portworxVolume: PortworxVolumeSource | None = None
    projected: ProjectedVolumeSource | None = None
    quobyte: QuobyteVolumeSource | None = None
    rbd: RBDVolumeSource | None = None
    scaleIO: ScaleIOVolumeSource | None = None
    secret: SecretVolumeSource | None = None
    storageos: StorageOSVolumeSource | None = None
    vsphereVolume: VsphereVirtualDiskVolumeSource | None = None
