"""The kinds the daemon serves, as its discovery documents tell: names as typed -> URLs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nsorch.cli.connection import Connection, segment
from nsorch.cli.failure import CommandFailure

DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


@dataclass(frozen=True, slots=True)
class Served:
    """One kind as served."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    names: tuple[str, ...]
    categories: tuple[str, ...]

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def label(self) -> str:
        """``deployment.apps``, as kubectl prints objects."""
        singular = self.kind.lower()
        return f"{singular}.{self.group}" if self.group else singular

    def url(self, namespace: str | None, name: str = "", subresource: str = "") -> str:
        """The path of the collection, of one object, or of a subresource."""
        base = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        if self.namespaced and namespace:
            base += f"/namespaces/{segment(namespace)}"
        base += f"/{self.plural}"
        if name:
            base += f"/{segment(name)}"
        return base + (f"/{subresource}" if subresource else "")


class Kinds:
    """All kinds served."""

    def __init__(self, connection: Connection) -> None:
        self.all: list[Served] = []
        for root in ("/api", "/apis"):
            answer = connection.call("GET", root, accept=DISCOVERY)
            for group in answer.get("items", ()):
                name = group.get("metadata", {}).get("name", "")
                for version in group.get("versions", ()):
                    for row in version.get("resources", ()):
                        self.all.append(_served(name, version["version"], row))

    def find(self, typed: str) -> Served:
        """The kind meant by ``po``, ``pods``, ``Pod``, ``deployments.apps``, ``deployments.v1.apps``."""
        word, _, group = typed.lower().partition(".")
        for served in self.all:
            if word in served.names and group in ("", served.group, f"{served.version}.{served.group}"):
                return served
        raise CommandFailure(
            f'the server doesn\'t have a resource type "{typed}": `nsorch get --help` tells the form, '
            "`kubectl api-resources` lists what is served"
        )

    def category(self, typed: str) -> list[Served]:
        """The kinds of a category such as ``all``; empty if it is none."""
        return [served for served in self.all if typed.lower() in served.categories]

    def of(self, document: Mapping[str, Any]) -> Served:
        """The kind of a manifest."""
        for served in self.all:
            if served.api_version == document.get("apiVersion") and served.kind == document.get("kind"):
                return served
        raise CommandFailure(
            f'no matches for kind "{document.get("kind")}" in version "{document.get("apiVersion")}": '
            "`kubectl api-resources` lists what is served"
        )


def _served(group: str, version: str, row: Mapping[str, Any]) -> Served:
    kind = row.get("responseKind", {}).get("kind", "")
    names = (row["resource"], row.get("singularResource", ""), kind.lower(), *row.get("shortNames", ()))
    return Served(
        group,
        version,
        row["resource"],
        kind,
        row.get("scope") == "Namespaced",
        tuple(name for name in names if name),
        tuple(row.get("categories", ())),
    )
