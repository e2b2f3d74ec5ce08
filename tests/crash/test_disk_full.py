"""A full disk: what cannot be stored is refused, what was acknowledged stays, and all goes on when there is space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.cluster import Cluster
from tests.support.crash import identity, kill_daemon
from tests.support.netns import NetworkNamespace
from tests.support.space import Refused, Space, is_ready, space


class OwnMounts(NetworkNamespace):
    """A network namespace with a mount namespace: what is mounted there ends with it."""

    unshare = ("unshare", "--net", "--mount")

    def command(self, argv: Sequence[str]) -> list[str]:
        return ["nsenter", f"--net={self.path}", f"--mount=/proc/{self.holder.pid}/ns/mnt", "--", *argv]


class SmallDisk(Cluster):
    """Its root is a tmpfs of 32 MiB."""

    host = OwnMounts
    mounted = False

    def up(self) -> None:
        if not self.mounted:
            self.namespace.run(["mount", "-t", "tmpfs", "-o", "size=32m,mode=700", "none", str(self.root)])
            self.mounted = True
        super().up()

    @property
    def files(self) -> Path:
        return Path(f"/proc/{self.namespace.holder.pid}/root{self.root}")

    def fill(self) -> None:
        """Not a byte is left."""
        self.run(["sh", "-c", f"dd if=/dev/zero of={self.root}/filler bs=4k 2>/dev/null; sync"])

    def free(self) -> None:
        (self.files / "filler").unlink()


@pytest.fixture
def small(archive: Path) -> Iterator[SmallDisk]:
    with SmallDisk() as cluster:
        cluster.nsorch("image", "load", str(archive))
        yield cluster


def write_until_refused(here: Space, prefix: str) -> tuple[list[str], Refused]:
    """The names of what was acknowledged, and the refusal."""
    written = []
    for number in range(1000):
        name = f"{prefix}-{number}"
        try:
            here.create("configmaps", {"metadata": {"name": name}, "data": {"a": "x" * 50_000}})
        except Refused as refused:
            return written, refused
        written.append(name)
    raise AssertionError("a full disk took 50 MB")


def configs(here: Space) -> list[str]:
    return [name for item in here.list("configmaps") if (name := item["metadata"]["name"]).startswith("config-")]


def test_a_full_disk(small: SmallDisk) -> None:
    with space(small) as here:
        here.pod("one")
        before = identity(here.ready("one"))
        small.fill()
        written, refused = write_until_refused(here, "config-first")
        assert refused.code in (500, 503, 507)
        assert refused.status["kind"] == "Status"
        assert "full" in refused.status["message"] or "space" in refused.status["message"]
        assert sorted(configs(here)) == sorted(written)

        small.free()
        here.create("configmaps", {"metadata": {"name": "config-after"}})
        written.append("config-after")
        here.pod("two")
        here.ready("two")
        small.fill()
        more, _ = write_until_refused(here, "config-again")
        kill_daemon(small)
        small.free()
        small.up()
        assert sorted(configs(here)) == sorted([*written, *more])
        assert identity(here.get("pods", "one")) == before
        here.pod("three")
        here.when("three", is_ready)
    assert "Traceback" not in small.log()
