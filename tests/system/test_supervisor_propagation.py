"""Mount propagation between host and containers, in a mount namespace that stands for the host's."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

from nsorch.supervisor.plan import Mount, SharedTmpfs
from tests.support.supervisor import SECURITY, Node


def test_nothing_of_a_pod_reaches_a_host_with_shared_mounts(tmp_path: Path) -> None:
    prefix = ("unshare", "--mount", "--propagation", "shared", "--")
    with Node(tmp_path / "node", prefix) as node:
        mounts = Path(f"/proc/{node.spawner.do('ping')['pid']}/mountinfo")
        before = mounts.read_text()
        assert "shared:" in before
        memory = tmp_path / "memory"
        plan = node.plan(
            node.container(mounts=(Mount(target="/m", source=str(memory)),)),
            tmpfs=(SharedTmpfs(path=str(memory), size_bytes=1 << 20),),
        )
        with node.start(plan) as peer:
            peer.until_phase("main", "running")
            assert peer.sh("main", "touch /m/x; ls /m") == "x"
            assert mounts.read_text() == before
        node.finish(plan)
        assert mounts.read_text() == before


def test_propagation(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    prefix = (
        *("unshare", "--mount", "--propagation", "private", "--", "sh", "-c"),
        f'mount -t tmpfs volume {volume} && mount --make-shared {volume} && mkdir {volume}/a {volume}/b && exec "$@"',
        "sh",
    )
    privileged = dataclasses.replace(SECURITY, privileged=True)
    with Node(tmp_path / "node", prefix) as node:

        def on_host(*argv: str) -> str:
            pid = str(node.spawner.do("ping")["pid"])
            command = ["nsenter", f"--mount=/proc/{pid}/ns/mnt", "--", *argv]
            return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout

        def container(name: str, propagation: str) -> object:
            mount = Mount(target="/volume", source=str(volume), propagation=propagation)  # type: ignore[arg-type]
            return node.container(name, mounts=(mount,), security=privileged)

        kinds = ("private", "rslave", "rshared")
        plan = node.plan(*[container(kind, kind) for kind in kinds])  # type: ignore[arg-type]
        with node.start(plan) as peer:
            for kind in kinds:
                peer.until_phase(kind, "running")
            on_host("mount", "-t", "tmpfs", "late", f"{volume}/a")
            on_host("touch", f"{volume}/a/late")
            seen = {kind: peer.sh(kind, "ls /volume/a") for kind in kinds}
            assert seen == {"private": "", "rslave": "late", "rshared": "late"}
            peer.sh("rslave", "mount -t tmpfs own /volume/b && touch /volume/b/slave")
            assert on_host("ls", f"{volume}/b") == ""
            peer.sh("rshared", "mount -t tmpfs own /volume/b && touch /volume/b/shared")
            assert on_host("ls", f"{volume}/b") == "shared\n"
        node.finish(plan)
