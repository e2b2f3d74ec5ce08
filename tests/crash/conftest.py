"""A daemon that may be killed: one for the crash tests, apart from the one of the system tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import Cluster
from tests.support.host import processes
from tests.support.node_host import busybox_archive
from tests.support.space import Space, space


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return busybox_archive(tmp_path_factory.mktemp("images") / "busybox.tar", ["busybox:latest", "busybox:second"])


@pytest.fixture(scope="session")
def daemon(archive: Path) -> Iterator[Cluster]:
    with Cluster() as cluster:
        cluster.nsorch("image", "load", str(archive))
        yield cluster
        cluster.check_log()
    assert not processes(cluster)


@pytest.fixture
def here(daemon: Cluster) -> Iterator[Space]:
    with space(daemon, "crash") as made:
        yield made
