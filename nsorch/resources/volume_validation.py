"""Validation of a Pod's volumes."""

from __future__ import annotations

from nsorch.resources import checks, names
from nsorch.resources.container_validation import CONTAINER_RESOURCES, field_path, local_path
from nsorch.resources.quantity import parse
from nsorch.resources.registry import Cause
from nsorch.resources.volume import (
    ConfigMapProjection,
    ConfigMapVolumeSource,
    DownwardAPIVolumeFile,
    KeyToPath,
    ProjectedVolumeSource,
    SecretProjection,
    SecretVolumeSource,
    Volume,
)

HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
SOURCES = tuple(name for name in Volume.model_fields if name != "name")
FILE_FIELDS = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)


def validate_volumes(volumes: list[Volume], field: str) -> list[Cause]:
    """Names are unique labels, each volume has exactly one source, and that source is complete."""
    causes: list[Cause] = []
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        path = f"{field}[{index}]"
        if not volume.name:
            causes.append(checks.required(f"{path}.name"))
        else:
            wrong = names.dns_label(volume.name)
            causes += checks.invalid_each(f"{path}.name", volume.name, wrong)
            if not wrong and volume.name in seen:
                causes.append(checks.duplicate(f"{path}.name", volume.name))
            seen.add(volume.name)
        causes += _source(volume, path)
    return causes


def _source(volume: Volume, field: str) -> list[Cause]:
    chosen = [name for name in SOURCES if getattr(volume, name) is not None]
    if not chosen:
        return [checks.required(field, "must specify a volume type")]
    causes = [checks.forbidden(f"{field}.{name}", "may not specify more than 1 volume type") for name in chosen[1:]]
    if volume.emptyDir is not None and volume.emptyDir.sizeLimit and parse(volume.emptyDir.sizeLimit).value < 0:
        causes.append(
            checks.forbidden(f"{field}.emptyDir.sizeLimit", "SizeLimit field must be a valid resource quantity")
        )
    if volume.hostPath is not None:
        path = f"{field}.hostPath"
        if not volume.hostPath.path:
            causes.append(checks.required(f"{path}.path"))
        elif ".." in volume.hostPath.path.split("/"):
            causes.append(checks.invalid(f"{path}.path", volume.hostPath.path, "must not contain '..'"))
        causes += checks.one_of(f"{path}.type", volume.hostPath.type, HOST_PATH_TYPES)
    if volume.configMap is not None:
        causes += _keyed(volume.configMap, volume.configMap.name, f"{field}.configMap", "name")
        causes += _mode(volume.configMap.defaultMode, f"{field}.configMap.defaultMode")
    if volume.secret is not None:
        causes += _keyed(volume.secret, volume.secret.secretName, f"{field}.secret", "secretName")
        causes += _mode(volume.secret.defaultMode, f"{field}.secret.defaultMode")
    if volume.downwardAPI is not None:
        causes += _mode(volume.downwardAPI.defaultMode, f"{field}.downwardAPI.defaultMode")
        causes += _files(volume.downwardAPI.items or [], f"{field}.downwardAPI.items")
    if volume.projected is not None:
        causes += _projected(volume.projected, f"{field}.projected")
    if volume.persistentVolumeClaim is not None and not volume.persistentVolumeClaim.claimName:
        causes.append(checks.required(f"{field}.persistentVolumeClaim.claimName"))
    if volume.nfs is not None:
        if not volume.nfs.server:
            causes.append(checks.required(f"{field}.nfs.server"))
        if not volume.nfs.path:
            causes.append(checks.required(f"{field}.nfs.path"))
        elif not volume.nfs.path.startswith("/"):
            causes.append(checks.invalid(f"{field}.nfs.path", volume.nfs.path, "must be an absolute path"))
    if volume.ephemeral is not None and volume.ephemeral.volumeClaimTemplate is None:
        causes.append(checks.required(f"{field}.ephemeral.volumeClaimTemplate"))
    return causes


def _mode(mode: int | None, field: str) -> list[Cause]:
    if mode is None or 0 <= mode <= 0o777:
        return []
    return [checks.invalid(field, mode, "must be a number between 0 and 0777 (octal), both inclusive")]


def _keyed(
    source: ConfigMapVolumeSource | SecretVolumeSource | ConfigMapProjection | SecretProjection,
    name: str | None,
    field: str,
    name_field: str,
) -> list[Cause]:
    causes = [] if name else [checks.required(f"{field}.{name_field}")]
    for index, item in enumerate(source.items or ()):
        causes += _item(item, f"{field}.items[{index}]")
    return causes


def _item(item: KeyToPath, field: str) -> list[Cause]:
    causes: list[Cause] = []
    if not item.key:
        causes.append(checks.required(f"{field}.key"))
    causes += _file_path(item.path, f"{field}.path")
    causes += _mode(item.mode, f"{field}.mode")
    return causes


def _file_path(path: str, field: str) -> list[Cause]:
    if not path:
        return [checks.required(field)]
    causes = local_path(path, field)
    if not causes and path.startswith(".."):
        causes.append(checks.invalid(field, path, "must not start with '..'"))
    return causes


def _files(files: list[DownwardAPIVolumeFile], field: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, file in enumerate(files):
        path = f"{field}[{index}]"
        causes += _file_path(file.path, f"{path}.path")
        causes += _mode(file.mode, f"{path}.mode")
        if file.fieldRef is not None:
            causes += field_path(file.fieldRef.fieldPath, f"{path}.fieldRef.fieldPath", FILE_FIELDS)
            if file.resourceFieldRef is not None:
                causes.append(
                    checks.invalid(
                        path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"
                    )
                )
        elif file.resourceFieldRef is not None:
            reference = file.resourceFieldRef
            if not reference.containerName:
                causes.append(checks.required(f"{path}.resourceFieldRef.containerName"))
            if reference.resource not in CONTAINER_RESOURCES and ".hugepages-" not in reference.resource:
                causes.append(
                    checks.unsupported(f"{path}.resourceFieldRef.resource", reference.resource, CONTAINER_RESOURCES)
                )
        else:
            causes.append(checks.required(f"{path}.fieldRef", "one of fieldRef and resourceFieldRef is required"))
    return causes


def _projected(source: ProjectedVolumeSource, field: str) -> list[Cause]:
    causes = _mode(source.defaultMode, f"{field}.defaultMode")
    paths: set[str] = set()
    for index, projection in enumerate(source.sources or ()):
        path = f"{field}.sources[{index}]"
        chosen = [name for name in type(projection).model_fields if getattr(projection, name) is not None]
        if not chosen:
            causes.append(checks.required(path, "must specify a volume type"))
        causes += [checks.forbidden(f"{path}.{name}", "may not specify more than 1 volume type") for name in chosen[1:]]
        written: list[str] = []
        if projection.configMap is not None:
            causes += _keyed(projection.configMap, projection.configMap.name, f"{path}.configMap", "name")
            written += [item.path for item in projection.configMap.items or ()]
        if projection.secret is not None:
            causes += _keyed(projection.secret, projection.secret.name, f"{path}.secret", "name")
            written += [item.path for item in projection.secret.items or ()]
        if projection.downwardAPI is not None:
            causes += _files(projection.downwardAPI.items or [], f"{path}.downwardAPI.items")
            written += [item.path for item in projection.downwardAPI.items or ()]
        if projection.serviceAccountToken is not None:
            token = projection.serviceAccountToken
            causes += _file_path(token.path, f"{path}.serviceAccountToken.path")
            if token.expirationSeconds is not None and token.expirationSeconds < 600:
                causes.append(
                    checks.invalid(
                        f"{path}.serviceAccountToken.expirationSeconds",
                        token.expirationSeconds,
                        "may not specify a duration less than 10 minutes",
                    )
                )
            written.append(token.path)
        for one in written:
            if one in paths:
                causes.append(checks.invalid(path, one, "conflicting duplicate paths"))
            paths.add(one)
    return causes
