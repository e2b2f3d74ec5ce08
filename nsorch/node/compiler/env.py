"""Environment variables of a container.

Order, later wins: the image's env, envFrom, env; service variables fill only names that are not set. ``$(VAR)`` in
env values sees what stands before it in the list, envFrom and the service variables, not the image's env.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from nsorch.node.compiler.expand import expand
from nsorch.node.compiler.failures import ConfigError
from nsorch.node.compiler.fields import field_value, resource_value
from nsorch.node.compiler.inputs import (
    Surroundings,
    config_map_items,
    config_map_value,
    secret_items,
    secret_value,
)
from nsorch.resources.container import Container, EnvVar, EnvVarSource
from nsorch.resources.pod import Pod
from nsorch.resources.service import Service

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def container_env(pod: Pod, container: Container, around: Surroundings) -> dict[str, str]:
    """The variables Kubernetes gives a container (without the image's); ConfigError if a source is missing."""
    services = service_variables(around.services, pod.namespace or "", links=pod.spec.enableServiceLinks is not False)
    result: dict[str, str] = {}
    for source in container.envFrom or ():
        prefix = source.prefix or ""
        items: dict[str, bytes] = {}
        if source.configMapRef:
            config_map = around.config_map(source.configMapRef.name or "")
            if config_map is not None:
                items = config_map_items(config_map)
            elif not source.configMapRef.optional:
                raise _missing("ConfigMap", source.configMapRef.name or "")
        elif source.secretRef:
            secret = around.secret(source.secretRef.name or "")
            if secret is not None:
                items = secret_items(secret)
            elif not source.secretRef.optional:
                raise _missing("Secret", source.secretRef.name or "")
        for key in sorted(items):
            name = prefix + key
            if valid_name(name):
                result[name] = items[key].decode("utf-8", "surrogateescape")
    for variable in container.env or ():
        value = _variable(pod, container, variable, around, result, services)
        if value is not None:
            result[variable.name] = value
    for name, value in services.items():
        result.setdefault(name, value)
    return result


def skipped_names(container: Container, around: Surroundings) -> list[str]:
    """Keys of envFrom sources that cannot be variable names (an Event tells about them)."""
    skipped: list[str] = []
    for source in container.envFrom or ():
        keys: Iterable[str] = ()
        if source.configMapRef and (config_map := around.config_map(source.configMapRef.name or "")):
            keys = config_map_items(config_map)
        elif source.secretRef and (secret := around.secret(source.secretRef.name or "")):
            keys = secret.data or ()
        skipped += [key for key in sorted(keys) if not valid_name((source.prefix or "") + key)]
    return skipped


def valid_name(name: str) -> bool:
    """Printable ASCII without ``=`` (Kubernetes 1.32+, RelaxedEnvironmentVariableValidation)."""
    return bool(name) and all(" " <= char <= "~" and char != "=" for char in name)


def merged(image_env: Sequence[str], container_variables: dict[str, str], hostname: str) -> dict[str, str]:
    """The image's env below the container's, with PATH and HOSTNAME always set."""
    env = {"PATH": DEFAULT_PATH, "HOSTNAME": hostname}
    for item in image_env:
        name, equals, value = item.partition("=")
        if equals:
            env[name] = value
    env.update(container_variables)
    return env


def service_variables(services: Sequence[Service], namespace: str, *, links: bool) -> dict[str, str]:
    """``FOO_SERVICE_HOST`` and its relatives, for the Pod's own namespace and for ``default/kubernetes``."""
    chosen: dict[str, Service] = {}
    for service in services:
        if not service.spec or not _has_address(service.spec.clusterIP):
            continue
        master = service.namespace == "default" and service.name == "kubernetes"
        if links and service.namespace == namespace:
            chosen[service.name] = service
        elif master:
            chosen.setdefault(service.name, service)
    result: dict[str, str] = {}
    for service in chosen.values():
        assert service.spec is not None
        address, ports = service.spec.clusterIP or "", service.spec.ports or []
        if not ports:
            continue
        base = service.name.upper().replace("-", "_")
        result[f"{base}_SERVICE_HOST"] = address
        result[f"{base}_SERVICE_PORT"] = str(ports[0].port)
        for port in ports:
            if port.name:
                result[f"{base}_SERVICE_PORT_{port.name.upper().replace('-', '_')}"] = str(port.port)
        host = f"[{address}]" if ":" in address else address
        for index, port in enumerate(ports):
            protocol = port.protocol or "TCP"
            url = f"{protocol.lower()}://{host}:{port.port}"
            if index == 0:
                result[f"{base}_PORT"] = url
            prefix = f"{base}_PORT_{port.port}_{protocol.upper()}"
            result[prefix] = url
            result[f"{prefix}_PROTO"] = protocol.lower()
            result[f"{prefix}_PORT"] = str(port.port)
            result[f"{prefix}_ADDR"] = address
    return result


def _has_address(cluster_ip: str | None) -> bool:
    if not cluster_ip or cluster_ip == "None":
        return False
    try:
        ipaddress.ip_address(cluster_ip)
    except ValueError:
        return False
    return True


def _variable(
    pod: Pod,
    container: Container,
    variable: EnvVar,
    around: Surroundings,
    known: dict[str, str],
    services: dict[str, str],
) -> str | None:
    if variable.valueFrom is None:
        return expand(
            variable.value or "",
            lambda name: known[name] if name in known else services.get(name),
        )
    return _from_source(pod, container, variable.valueFrom, around)


def _from_source(pod: Pod, container: Container, source: EnvVarSource, around: Surroundings) -> str | None:
    if source.fieldRef:
        return field_value(pod, source.fieldRef.fieldPath, around)
    if source.resourceFieldRef:
        chosen = container
        wanted = source.resourceFieldRef.containerName
        if wanted and wanted != container.name:
            for other in [*pod.spec.containers, *(pod.spec.initContainers or ())]:
                if other.name == wanted:
                    chosen = other
        divisor = source.resourceFieldRef.divisor
        return resource_value(
            chosen, source.resourceFieldRef.resource, None if divisor is None else str(divisor), around
        )
    if source.configMapKeyRef:
        ref = source.configMapKeyRef
        config_map = around.config_map(ref.name or "")
        if config_map is None:
            if ref.optional:
                return None
            raise _missing("ConfigMap", ref.name or "")
        value = config_map_value(config_map, ref.key)
        if value is None and not ref.optional:
            raise _missing_key(ref.key, "ConfigMap", pod.namespace, ref.name or "")
        return None if value is None else value.decode("utf-8", "surrogateescape")
    if source.secretKeyRef:
        secret_ref = source.secretKeyRef
        secret = around.secret(secret_ref.name or "")
        if secret is None:
            if secret_ref.optional:
                return None
            raise _missing("Secret", secret_ref.name or "")
        value = secret_value(secret, secret_ref.key)
        if value is None and not secret_ref.optional:
            raise _missing_key(secret_ref.key, "Secret", pod.namespace, secret_ref.name or "")
        return None if value is None else value.decode("utf-8", "surrogateescape")
    return None


def _missing(kind: str, name: str) -> ConfigError:
    return ConfigError(f'{kind.lower()} "{name}" not found', (kind, name))


def _missing_key(key: str, kind: str, namespace: str | None, name: str) -> ConfigError:
    return ConfigError(f"couldn't find key {key} in {kind} {namespace}/{name}", (kind, name))
