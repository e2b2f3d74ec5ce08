"""Content of configMap, secret, downwardAPI and projected volumes. Pure: a table of relative path -> file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nsorch.node.compiler.failures import ConfigError, MountError
from nsorch.node.compiler.fields import field_value, resource_value
from nsorch.node.compiler.inputs import Surroundings, config_map_items, secret_items
from nsorch.node.compiler.resources import all_containers
from nsorch.node.ports import NoToken, TokenSource
from nsorch.resources.pod import Pod
from nsorch.resources.volume import DownwardAPIVolumeFile, KeyToPath, ProjectedVolumeSource, Volume, VolumeProjection

DEFAULT_MODE = 0o644


@dataclass(frozen=True, slots=True)
class File:
    """One file of a volume; ``mode`` is its permission bits."""

    data: bytes
    mode: int


Payload = dict[str, File]


def payload(pod: Pod, volume: Volume, around: Surroundings, tokens: TokenSource | None = None) -> Payload:
    """The files of an agent-written volume; MountError if a source is missing or a path is unsafe."""
    try:
        files = _files(pod, volume, around, tokens)
    except ConfigError as error:
        raise MountError(volume.name, error.message) from error
    for path in files:
        check_path(volume.name, path)
    return files


def check_path(volume: str, path: str) -> None:
    """Refuse paths that leave the volume or collide with the writer's own names."""
    parts = path.split("/")
    if path.startswith("/") or ".." in parts or parts[0].startswith("..") or "" in parts or "\0" in path:
        raise MountError(
            volume, f'cannot write file "{path}": a path must be relative, inside the volume, without ".."'
        )


def _files(pod: Pod, volume: Volume, around: Surroundings, tokens: TokenSource | None) -> Payload:
    if volume.configMap:
        source = volume.configMap
        return _config_map(source.name or "", source.items, bool(source.optional), _mode(source.defaultMode), around)
    if volume.secret:
        secret = volume.secret
        return _secret(secret.secretName or "", secret.items, bool(secret.optional), _mode(secret.defaultMode), around)
    if volume.downwardAPI:
        return _downward(pod, volume.downwardAPI.items, _mode(volume.downwardAPI.defaultMode), around)
    if volume.projected:
        return _projected(pod, volume.projected, around, tokens)
    return {}


def _projected(pod: Pod, projected: ProjectedVolumeSource, around: Surroundings, tokens: TokenSource | None) -> Payload:
    files: Payload = {}
    mode = _mode(projected.defaultMode)
    for source in projected.sources or ():
        files.update(_projection(pod, source, mode, around, tokens))
    return files


def _projection(
    pod: Pod, source: VolumeProjection, mode: int, around: Surroundings, tokens: TokenSource | None
) -> Payload:
    if source.configMap:
        config_map = source.configMap
        return _config_map(config_map.name or "", config_map.items, bool(config_map.optional), mode, around)
    if source.secret:
        return _secret(source.secret.name or "", source.secret.items, bool(source.secret.optional), mode, around)
    if source.downwardAPI:
        return _downward(pod, source.downwardAPI.items, mode, around)
    if source.serviceAccountToken and tokens is not None:
        wanted = source.serviceAccountToken
        try:
            token = tokens.token(
                pod.namespace or "",
                pod.spec.serviceAccountName or "default",
                wanted.audience or "",
                wanted.expirationSeconds or 3600,
                pod.uid,
            )
        except NoToken as error:
            raise ConfigError(str(error)) from error
        # As the kubelet: 0600 for one user that is known, else the volume's mode, so that any user can read it.
        return {wanted.path: File(token.encode(), 0o600 if _one_root_user(pod) else mode)}
    if source.clusterTrustBundle and not source.clusterTrustBundle.optional:
        raise ConfigError("clusterTrustBundle projections are not supported")
    return {}


def _one_root_user(pod: Pod) -> bool:
    """Whether every container says that it runs as root; what says nothing may run as the user of its image."""
    context = pod.spec.securityContext
    shared = context.runAsUser if context else None
    own = [item.securityContext.runAsUser if item.securityContext else None for item in all_containers(pod)]
    return {shared if user is None else user for user in own} == {0}


def _config_map(
    name: str, items: Sequence[KeyToPath] | None, optional: bool, mode: int, around: Surroundings
) -> Payload:
    config_map = around.config_map(name)
    if config_map is None:
        if optional:
            return {}
        raise ConfigError(f'configmap "{name}" not found', ("ConfigMap", name))
    return _select(config_map_items(config_map), items, optional, mode, "config", ("ConfigMap", name))


def _secret(name: str, items: Sequence[KeyToPath] | None, optional: bool, mode: int, around: Surroundings) -> Payload:
    secret = around.secret(name)
    if secret is None:
        if optional:
            return {}
        raise ConfigError(f'secret "{name}" not found', ("Secret", name))
    return _select(secret_items(secret), items, optional, mode, "secret", ("Secret", name))


def _select(
    data: Mapping[str, bytes],
    items: Sequence[KeyToPath] | None,
    optional: bool,
    mode: int,
    word: str,
    needs: tuple[str, str],
) -> Payload:
    if not items:
        return {key: File(value, mode) for key, value in data.items()}
    files: Payload = {}
    for item in items:
        if item.key not in data:
            if optional:
                continue
            raise ConfigError(f"references non-existent {word} key: {item.key}", needs)
        files[item.path] = File(data[item.key], mode if item.mode is None else item.mode)
    return files


def _downward(pod: Pod, items: Sequence[DownwardAPIVolumeFile] | None, mode: int, around: Surroundings) -> Payload:
    files: Payload = {}
    for item in items or ():
        if item.fieldRef:
            text = field_value(pod, item.fieldRef.fieldPath, around)
        elif item.resourceFieldRef:
            ref = item.resourceFieldRef
            found = [container for container in all_containers(pod) if container.name == ref.containerName]
            if not found:
                raise ConfigError(f"container {ref.containerName} not found")
            divisor = None if ref.divisor is None else str(ref.divisor)
            text = resource_value(found[0], ref.resource, divisor, around)
        else:
            continue
        files[item.path] = File(text.encode(), mode if item.mode is None else item.mode)
    return files


def _mode(mode: int | None) -> int:
    return DEFAULT_MODE if mode is None else mode
