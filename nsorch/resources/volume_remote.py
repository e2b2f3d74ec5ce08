"""Volume sources on network storage and clouds: parsed and stored in full, not mountable on one host."""

from __future__ import annotations

from typing import Annotated

from nsorch.resources.base import Model
from nsorch.resources.common import LocalObjectReference
from nsorch.resources.merging import ATOMIC
from nsorch.resources.scalars import Int32


class AWSElasticBlockStoreVolumeSource(Model):
    """A disk of AWS."""

    volumeID: str
    fsType: str | None = None
    """The file system on the disk, such as ext4."""
    partition: Int32 | None = None
    readOnly: bool | None = None
    """Whether writing is refused."""


class AzureDiskVolumeSource(Model):
    """A disk of Azure."""

    diskName: str
    diskURI: str
    cachingMode: str | None = None
    fsType: str | None = None
    """The file system on the disk, such as ext4."""
    kind: str | None = None
    readOnly: bool | None = None
    """Whether writing is refused."""


class AzureFileVolumeSource(Model):
    """A file share of Azure."""

    secretName: str
    shareName: str
    readOnly: bool | None = None
    """Whether writing is refused."""


class CephFSVolumeSource(Model):
    """A Ceph file system."""

    monitors: Annotated[list[str], ATOMIC]
    path: str | None = None
    readOnly: bool | None = None
    """Whether writing is refused."""
    secretFile: str | None = None
    secretRef: LocalObjectReference | None = None
    """The Secret to authenticate with."""
    user: str | None = None


class CinderVolumeSource(Model):
    """A disk of OpenStack."""

    volumeID: str
    fsType: str | None = None
    """The file system on the disk, such as ext4."""
    readOnly: bool | None = None
    """Whether writing is refused."""
    secretRef: LocalObjectReference | None = None
    """The Secret to authenticate with."""


class CSIVolumeSource(Model):
    """A short-lived volume from a CSI driver."""

    driver: str
    fsType: str | None = None
    """The file system on the disk, such as ext4."""
    nodePublishSecretRef: LocalObjectReference | None = None
    readOnly: bool | None = None
    """Whether writing is refused."""
    volumeAttributes: dict[str, str] | None = None


class FCVolumeSource(Model):
    """A Fibre Channel disk."""

    fsType: str | None = None
    """The file system on the disk, such as ext4."""
    lun: Int32 | None = None
    readOnly: bool | None = None
    """Whether writing is refused."""
    targetWWNs: Annotated[list[str] | None, ATOMIC] = None
    wwids: Annotated[list[str] | None, ATOMIC] = None


class FlexVolumeSource(Model):
    """A volume from a flexvolume plug-in."""

    driver: str
    fsType: str | None = None
    """The file system on the disk, such as ext4."""
    options: dict[str, str] | None = None
    readOnly: bool | None = None
    """Whether writing is refused."""
    secretRef: LocalObjectReference | None = None
    """The Secret to authenticate with."""


class FlockerVolumeSource(Model):
    """A volume from Flocker."""

    datasetName: str | None = None
    datasetUUID: str | None = None


class GCEPersistentDiskVolumeSource(Model):
    """A disk of Google Cloud."""

    pdName: str
    fsType: str | None = None
    """The file system on the disk, such as ext4."""
    partition: Int32 | None = None
    readOnly: bool | None = None
    """Whether writing is refused."""


class GitRepoVolumeSource(Model):
    """A clone of a git repository (deprecated)."""

    repository: str
    directory: str | None = None
    revision: str | None = None
    """The revision to use."""


class GlusterfsVolumeSource(Model):
    """A Gluster file system."""

    endpoints: str
    path: str
    readOnly: bool | None = None
    """Whether writing is refused."""


class ISCSIVolumeSource(Model):
    """An iSCSI disk."""

    iqn: str
    lun: Int32
    targetPortal: str
    chapAuthDiscovery: bool | None = None
    chapAuthSession: bool | None = None
    fsType: str | None = None
    """The file system on the disk, such as ext4."""
    initiatorName: str | None = None
    iscsiInterface: str | None = None
    portals: Annotated[list[str] | None, ATOMIC] = None
    readOnly: bool | None = None
    """Whether writing is refused."""
    secretRef: LocalObjectReference | None = None
    """The Secret to authenticate with."""


class PhotonPersistentDiskVolumeSource(Model):
    """A disk of Photon."""

    pdID: str
    fsType: str | None = None
    """The file system on the disk, such as ext4."""


class PortworxVolumeSource(Model):
    """A volume from Portworx."""

    volumeID: str
    fsType: str | None = None
    """The file system on the disk, such as ext4."""
    readOnly: bool | None = None
    """Whether writing is refused."""


class QuobyteVolumeSource(Model):
    """A volume from Quobyte."""

    registry: str
    volume: str
    group: str | None = None
    readOnly: bool | None = None
    """Whether writing is refused."""
    tenant: str | None = None
    user: str | None = None


class RBDVolumeSource(Model):
    """A Ceph block device."""

    image: str
    monitors: Annotated[list[str], ATOMIC]
    fsType: str | None = None
    """The file system on the disk, such as ext4."""
    keyring: str | None = None
    pool: str | None = None
    readOnly: bool | None = None
    """Whether writing is refused."""
    secretRef: LocalObjectReference | None = None
    """The Secret to authenticate with."""
    user: str | None = None


class ScaleIOVolumeSource(Model):
    """A volume from ScaleIO."""

    gateway: str
    secretRef: LocalObjectReference
    """The Secret to authenticate with."""
    system: str
    fsType: str | None = None
    """The file system on the disk, such as ext4."""
    protectionDomain: str | None = None
    readOnly: bool | None = None
    """Whether writing is refused."""
    sslEnabled: bool | None = None
    storageMode: str | None = None
    storagePool: str | None = None
    volumeName: str | None = None


class StorageOSVolumeSource(Model):
    """A volume from StorageOS."""

    fsType: str | None = None
    """The file system on the disk, such as ext4."""
    readOnly: bool | None = None
    """Whether writing is refused."""
    secretRef: LocalObjectReference | None = None
    """The Secret to authenticate with."""
    volumeName: str | None = None
    volumeNamespace: str | None = None


class VsphereVirtualDiskVolumeSource(Model):
    """A disk of vSphere."""

    volumePath: str
    fsType: str | None = None
    """The file system on the disk, such as ext4."""
    storagePolicyID: str | None = None
    storagePolicyName: str | None = None
