"""One daemon for all system tests that need the whole of nsorch, and a Namespace for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import Cluster
from tests.support.host import processes
from tests.support.images import recipe_images
from tests.support.node_host import busybox_archive
from tests.support.space import Space, space


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A docker archive of busybox."""
    return busybox_archive(tmp_path_factory.mktemp("images") / "busybox.tar", ["busybox:latest", "busybox:second"])


@pytest.fixture(scope="session")
def daemon(archive: Path) -> Iterator[Cluster]:
    with Cluster() as cluster:
        cluster.nsorch("image", "load", str(archive))
        yield cluster
        cluster.check_log()
    assert not processes(cluster)


@pytest.fixture(scope="session")
def recipes(daemon: Cluster) -> Cluster:
    """The daemon, with the images of every recipe in ``rootfs/``."""
    daemon.nsorch("image", "load", str(recipe_images("busybox", "debian", "nginx", "redis", "web")))
    return daemon


@pytest.fixture
def here(daemon: Cluster) -> Iterator[Space]:
    with space(daemon) as made:
        yield made
