"""What every namespace contains from the start: pure."""

from __future__ import annotations

from nsorch.resources.account import ServiceAccount
from nsorch.resources.config import ConfigMap
from nsorch.resources.meta import ObjectMeta

ROOT_CA = "kube-root-ca.crt"
_CA_KEY = "ca.crt"
_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of "
    "Kubernetes clusters."
)


def default_account(namespace: str) -> ServiceAccount:
    """The account that Pods run as unless they name another."""
    return ServiceAccount(metadata=ObjectMeta(name="default", namespace=namespace))


def root_ca(namespace: str, pem: str) -> ConfigMap:
    """The ConfigMap with the cluster's CA certificate."""
    return ConfigMap(
        metadata=ObjectMeta(name=ROOT_CA, namespace=namespace, annotations={"kubernetes.io/description": _DESCRIPTION}),
        data={_CA_KEY: pem},
    )


def root_ca_is_right(found: ConfigMap, pem: str) -> bool:
    return found.data == {_CA_KEY: pem}
