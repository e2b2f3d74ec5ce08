"""How long a Pod takes, driving the spawner directly: message to sandbox, to the program running, to its first output.

``.venv/bin/python bench/pod_start.py [RUNS] [IDLE_SECONDS]`` as root; in a private network namespace and a temporary folder.
An idle pause before each run shows the price of the first cgroup attach after a quiet second.
"""

from __future__ import annotations

import os
import select
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from nsorch.supervisor.plan import Mount
from tests.support.supervisor import Node, Peer


def memory(pid: int) -> dict[str, int]:
    """KiB of /proc/PID/smaps_rollup."""
    rows = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return {row[0].rstrip(":"): int(row[1]) for row in rows}


def private(pid: int) -> int:
    found = memory(pid)
    return found["Private_Dirty"] + found["Private_Clean"]


def one(node: Node, folder: Path) -> tuple[float, float, float, int]:
    """Milliseconds to: sandbox made, program runs (as reported), first thing the program did; and private KiB."""
    fifo = folder / "fifo"
    if not fifo.exists():
        os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    container = node.container(
        script="echo > /fifo; exec sleep 1000", mounts=(Mount(target="/fifo", source=str(fifo)),)
    )
    plan = node.plan(container)
    path = Path(plan.dir) / "plan.json"
    path.write_text(plan.to_json())
    start = time.perf_counter()
    reply, _ = node.spawner.ask("start", plan=str(path))
    assert reply["ok"], reply
    sandbox = time.perf_counter()
    with Peer(plan.socket) as peer:
        select.select([reader], [], [], 10)
        first = time.perf_counter()
        peer.until_phase("main", "running")
        running = time.perf_counter()
        size = private(peer.state["pid"])
    os.close(reader)
    node.finish(plan)
    return (sandbox - start) * 1e3, (running - start) * 1e3, (first - start) * 1e3, size


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    idle = float(sys.argv[2]) if len(sys.argv) > 2 else 0.3
    with tempfile.TemporaryDirectory() as text, Node(Path(text)) as node:
        one(node, Path(text))
        rows = []
        for _ in range(runs):
            time.sleep(idle)
            rows.append(one(node, Path(text)))
        spawner = node.spawner.do("ping")["pid"]
        for name, column in (("sandbox", 0), ("running", 1), ("first action", 2)):
            values = sorted(row[column] for row in rows)
            print(f"{name:13} p50 {statistics.median(values):6.2f} ms   min {values[0]:6.2f}   max {values[-1]:6.2f}")
        print(f"supervisor    private {statistics.median(row[3] for row in rows):.0f} KiB")
        print(f"spawner       private {private(spawner)} KiB, PSS {memory(spawner)['Pss']} KiB")


if __name__ == "__main__":
    main()
