"""One daemon for the tests of client libraries, which run in its network namespace with its kubeconfig."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nsorch.linux.namespaces import setns
from tests.support.cluster import Cluster
from tests.support.node_host import busybox_archive
from tests.support.space import Api

CLONE_NEWNET = 0x40000000
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    archive = busybox_archive(tmp_path_factory.mktemp("images") / "busybox.tar", ["busybox:latest"])
    with Cluster() as cluster:
        cluster.nsorch("image", "load", str(archive))
        yield cluster
        cluster.check_log()


@pytest.fixture
def inside(daemon: Cluster) -> Iterator[Cluster]:
    """This thread, and those that it starts, are in the daemon's network namespace for the time of a test."""
    outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    within = os.open(daemon.namespace.path, os.O_RDONLY)
    try:
        setns(within, CLONE_NEWNET)
        yield daemon
    finally:
        setns(outside, CLONE_NEWNET)
        os.close(within)
        os.close(outside)


@dataclass(frozen=True)
class Place:
    """A Namespace of the test's own, and how clients reach it."""

    daemon: Cluster
    name: str

    @property
    def kubeconfig(self) -> Path:
        return Path(self.daemon.environment["KUBECONFIG"])


@pytest.fixture
def place(inside: Cluster) -> Iterator[Place]:
    name = f"client-{next(_numbers)}"
    api = Api(inside.files / "run" / "api.sock")
    api.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    yield Place(inside, name)
    api.call("DELETE", f"/api/v1/namespaces/{name}")
