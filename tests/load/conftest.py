"""One daemon for the tests of bad input and load."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.cluster import Cluster


@pytest.fixture(scope="session")
def daemon() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster
        cluster.check_log()
