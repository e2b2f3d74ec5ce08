"""Volume sources on network storage and clouds: parsed and stored in full, not mountable on one host."""

from __future__ import annotations

from typing import Annotated

from nsorch.resources.base import Model
from nsorch.resources.common import LocalObjectReference
from nsorch.resources.merging import ATOMIC
from nsorch.resources.scalars import Int32


class AWSElasticBlockStoreVolumeSource(Model):
    """``AWSElasticBlockStoreVolumeSource``."""

    volumeID: str
    fsType: str | None = None
    partition: Int32 | None = None
    readOnly: bool | None = None


class AzureDiskVolumeSource(Model):
    """``AzureDiskVolumeSource``."""

    diskName: str
    diskURI: str
    cachingMode: str | None = None
    fsType: str | None = None
    kind: str | None = None
    readOnly: bool | None = None


class AzureFileVolumeSource(Model):
    """``AzureFileVolumeSource``."""

    secretName: str
    shareName: str
    readOnly: bool | None = None


class CephFSVolumeSource(Model):
    """``CephFSVolumeSource``."""

    monitors: Annotated[list[str], ATOMIC]
    path: str | None = None
    readOnly: bool | None = None
    secretFile: str | None = None
    secretRef: LocalObjectReference | None = None
    user: str | None = None


class CinderVolumeSource(Model):
    """``CinderVolumeSource``."""

    volumeID: str
    fsType: str | None = None
    readOnly: bool | None = None
    secretRef: LocalObjectReference | None = None


class CSIVolumeSource(Model):
    """``CSIVolumeSource``."""

    driver: str
    fsType: str | None = None
    nodePublishSecretRef: LocalObjectReference | None = None
    readOnly: bool | None = None
    volumeAttributes: dict[str, str] | None = None


class FCVolumeSource(Model):
    """``FCVolumeSource``."""

    fsType: str | None = None
    lun: Int32 | None = None
    readOnly: bool | None = None
    targetWWNs: Annotated[list[str] | None, ATOMIC] = None
    wwids: Annotated[list[str] | None, ATOMIC] = None


class FlexVolumeSource(Model):
    """``FlexVolumeSource``."""

    driver: str
    fsType: str | None = None
    options: dict[str, str] | None = None
    readOnly: bool | None = None
    secretRef: LocalObjectReference | None = None


class FlockerVolumeSource(Model):
    """``FlockerVolumeSource``."""

    datasetName: str | None = None
    datasetUUID: str | None = None


class GCEPersistentDiskVolumeSource(Model):
    """``GCEPersistentDiskVolumeSource``."""

    pdName: str
    fsType: str | None = None
    partition: Int32 | None = None
    readOnly: bool | None = None


class GitRepoVolumeSource(Model):
    """``GitRepoVolumeSource``."""

    repository: str
    directory: str | None = None
    revision: str | None = None


class GlusterfsVolumeSource(Model):
    """``GlusterfsVolumeSource``."""

    endpoints: str
    path: str
    readOnly: bool | None = None


class ISCSIVolumeSource(Model):
    """``ISCSIVolumeSource``."""

    iqn: str
    lun: Int32
    targetPortal: str
    chapAuthDiscovery: bool | None = None
    chapAuthSession: bool | None = None
    fsType: str | None = None
    initiatorName: str | None = None
    iscsiInterface: str | None = None
    portals: Annotated[list[str] | None, ATOMIC] = None
    readOnly: bool | None = None
    secretRef: LocalObjectReference | None = None


class PhotonPersistentDiskVolumeSource(Model):
    """``PhotonPersistentDiskVolumeSource``."""

    pdID: str
    fsType: str | None = None


class PortworxVolumeSource(Model):
    """``PortworxVolumeSource``."""

    volumeID: str
    fsType: str | None = None
    readOnly: bool | None = None


class QuobyteVolumeSource(Model):
    """``QuobyteVolumeSource``."""

    registry: str
    volume: str
    group: str | None = None
    readOnly: bool | None = None
    tenant: str | None = None
    user: str | None = None


class RBDVolumeSource(Model):
    """``RBDVolumeSource``."""

    image: str
    monitors: Annotated[list[str], ATOMIC]
    fsType: str | None = None
    keyring: str | None = None
    pool: str | None = None
    readOnly: bool | None = None
    secretRef: LocalObjectReference | None = None
    user: str | None = None


class ScaleIOVolumeSource(Model):
    """``ScaleIOVolumeSource``."""

    gateway: str
    secretRef: LocalObjectReference
    system: str
    fsType: str | None = None
    protectionDomain: str | None = None
    readOnly: bool | None = None
    sslEnabled: bool | None = None
    storageMode: str | None = None
    storagePool: str | None = None
    volumeName: str | None = None


class StorageOSVolumeSource(Model):
    """``StorageOSVolumeSource``."""

    fsType: str | None = None
    readOnly: bool | None = None
    secretRef: LocalObjectReference | None = None
    volumeName: str | None = None
    volumeNamespace: str | None = None


class VsphereVirtualDiskVolumeSource(Model):
    """``VsphereVirtualDiskVolumeSource``."""

    volumePath: str
    fsType: str | None = None
    storagePolicyID: str | None = None
    storagePolicyName: str | None = None
