"""One cluster for all kubectl tests; a Namespace for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.kubectl.cluster import Cluster
from tests.support.cluster import Cluster as Daemon

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with Daemon() as daemon:
        daemon.nsorch("image", "build", "rootfs/busybox", timeout=300)
        yield Cluster(daemon)


@dataclass(frozen=True)
class Space:
    """kubectl in a Namespace of the test's own."""

    cluster: Cluster
    name: str

    def kubectl(self, *arguments: str, **options: Any) -> Any:
        return self.cluster.kubectl(*arguments, namespace=self.name, **options)

    def out(self, *arguments: str, input: str | None = None) -> str:
        return self.cluster.out(*arguments, namespace=self.name, input=input)

    def fails(self, *arguments: str, input: str | None = None) -> str:
        return self.cluster.fails(*arguments, namespace=self.name, input=input)

    def field(self, what: str, path: str) -> str:
        """One field of one object by JSONPath."""
        return self.out("get", what, "-o", f"jsonpath={{{path}}}")


@pytest.fixture
def space(cluster: Cluster) -> Iterator[Space]:
    name = f"test-{next(_numbers)}"
    cluster.out("create", "namespace", name)
    yield Space(cluster, name)
    cluster.kubectl("delete", "namespace", name, "--wait=false")
