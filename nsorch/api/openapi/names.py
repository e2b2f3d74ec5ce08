"""Component names: the Go package path that Kubernetes publishes each type under, reversed and dotted."""

from __future__ import annotations

import sys
from functools import lru_cache

from pydantic import BaseModel

from nsorch.resources.meta import Resource
from nsorch.resources.registry import Kind

META = "io.k8s.apimachinery.pkg.apis.meta.v1"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
TIME = f"{META}.Time"
MICRO_TIME = f"{META}.MicroTime"
CORE = "io.k8s.api.core.v1"

_META_TYPES = frozenset(
    {
        "Condition",
        "DeleteOptions",
        "LabelSelector",
        "LabelSelectorRequirement",
        "ListMeta",
        "ManagedFieldsEntry",
        "ObjectMeta",
        "OwnerReference",
        "Preconditions",
    }
)


def package(group_version: str) -> str:
    """``io.k8s.api.apps.v1`` of ``apps/v1``; groups outside Kubernetes have their domain reversed."""
    group, slash, version = group_version.rpartition("/")
    if not slash:
        return f"io.k8s.api.core.{version}"
    if group == "apiextensions.k8s.io":
        return f"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.{version}"
    head, _, domain = group.partition(".")
    if not domain or domain == "k8s.io" or domain.endswith(".k8s.io"):
        return f"io.k8s.api.{head}.{version}"
    return ".".join([*reversed(group.split(".")), version])


@lru_cache(maxsize=1024)
def component(model: type[BaseModel]) -> str:
    """The component name of a model. A model that is no kind belongs to its module's kinds' group, else to core."""
    if issubclass(model, Resource) and hasattr(model, "GROUP_VERSION"):
        return f"{package(model.GROUP_VERSION)}.{model.KIND}"
    if model.__name__ in _META_TYPES:
        return f"{META}.{model.__name__}"
    return f"{_home(model.__module__)}.{model.__name__}"


def list_component(kind: Kind[Resource]) -> str:
    """``io.k8s.api.apps.v1.DeploymentList``."""
    return f"{package(kind.group_version)}.{kind.kind}List"


def _home(module: str) -> str:
    """The package of the kinds defined in ``module``."""
    for value in vars(sys.modules[module]).values():
        if (
            isinstance(value, type)
            and issubclass(value, Resource)
            and value.__module__ == module
            and hasattr(value, "GROUP_VERSION")
        ):
            return package(value.GROUP_VERSION)
    return CORE
