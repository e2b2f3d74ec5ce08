"""Everything that nsorch makes outside its own folder, so that before and after can be compared."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from nsorch.kit.paths import Paths
from nsorch.linux import cgroups
from tests.support.cluster import Cluster
from tests.support.leftovers import mounts_below
from tests.support.pods import rules_and_routes


def traces(cluster: Cluster) -> Mapping[str, object]:
    """Processes, namespaces, mounts, cgroups, run files, and the network of the cluster's host."""
    paths = Paths.at(cluster.root)
    found = processes(cluster)
    return {
        **rules_and_routes(cluster.namespace),
        "interfaces": sorted(line.split()[1] for line in cluster.run(["ip", "-o", "link"]).stdout.splitlines()),
        "nft": cluster.run(["sh", "-c", "nft list tables 2>/dev/null | grep -i nsorch; true"]).stdout,
        "processes": sorted(found.values()),
        "mounts": mounts_below(cluster.root),
        "cgroups": [str(f) for r in cgroups.layout().folders if (f := Path(r, paths.instance)).exists()],
        "sockets": sorted(str(file) for file in paths.run.rglob("*.sock")) if paths.run.exists() else [],
        "pod folders": sorted(file.name for file in paths.pods.iterdir()) if paths.pods.exists() else [],
    }


def processes(cluster: Cluster) -> dict[int, str]:
    """Living processes of this cluster, by pid: whose arguments, root, log or control group name its folder or instance."""
    words = (str(cluster.root).encode(), Paths.at(cluster.root).instance.encode())
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                continue  # dead, and only waiting for an init that is slow to reap
            title = (entry / "cmdline").read_bytes()
            texts = [title, (entry / "mountinfo").read_bytes(), (entry / "cgroup").read_bytes()]
            texts += [os.fsencode(os.readlink(fd)) for fd in (entry / "fd").iterdir()]
        except OSError:
            continue
        if any(word in text for text in texts for word in words):
            found[int(entry.name)] = title.replace(b"\0", b" ").decode(errors="replace").strip()
    return found
