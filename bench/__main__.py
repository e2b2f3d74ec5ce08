"""``python -m bench``: daemon ready, idle cost, Pod start, fifty Pods to Ready; beside a C program's floor.

Needs root, and gcc for the two small C programs. Everything happens in a private network namespace with its own root.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from tests.support.cluster import PROJECT, Cluster

RUNS = 30
IDLE_SECONDS = 20


class _Api(http.client.HTTPConnection):
    """One connection kept open on the daemon's unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(str(self._path))

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/json"}
        self.request(method, path, body=json.dumps(body) if body is not None else None, headers=headers)
        answer = self.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {text.decode()}")
        return json.loads(text) if text else None


def main() -> int:
    work = Path(tempfile.mkdtemp(prefix="nsorch-bench-", dir="/var/tmp"))
    try:
        first = compile_c("first", work, "-static")
        floor(work)
        with Cluster() as cluster:
            busybox(cluster)
            ready(cluster)
            idle(cluster, "idle, no Pods")
            api = _Api(cluster.root / "run" / "api.sock")
            pod_start(api, first, work)
            fifty(api, cluster)
            idle(cluster, "idle, 50 Pods")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 0


def report(what: str, values: Sequence[float], unit: str) -> None:
    """One line: median, minimum, maximum."""
    text = f"{statistics.median(values):9.2f} {unit:4} median   {min(values):9.2f} min {max(values):9.2f} max   n={len(values)}"
    print(f"{what:<46}{text}", flush=True)


def compile_c(name: str, work: Path, *options: str) -> Path:
    """One of the C programs beside this file."""
    binary = work / name
    subprocess.run(["gcc", "-O2", *options, "-o", str(binary), str(PROJECT / "bench" / f"{name}.c")], check=True)
    return binary


def floor(work: Path) -> None:
    """What the kernel alone needs: five namespaces, veth, overlay, pivot_root, exec, reap, by a C program."""
    binary = compile_c("floor", work)
    root, scratch = work / "floor-root", work / "floor-scratch"
    for folder in (root / "bin", root / "proc", root / "dev", scratch):
        folder.mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin" / "true")
    argv = ["unshare", "--net", str(binary), str(root), str(scratch), str(RUNS)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, cwd=work)
    print(done.stdout.strip(), flush=True)


def busybox(cluster: Cluster) -> None:
    cluster.nsorch("image", "build", str(PROJECT / "rootfs" / "busybox"), "-t", "busybox", timeout=600)


def ready(cluster: Cluster) -> None:
    """`nsorch up` until ready, with an existing root."""
    times = []
    for _ in range(5):
        cluster.nsorch("down", "--keep-pods")
        began = time.monotonic()
        cluster.up()
        times.append(1000 * (time.monotonic() - began))
    report("daemon ready (nsorch up)", times, "ms")


def idle(cluster: Cluster, title: str) -> None:
    """PSS of the daemon and of everything else of nsorch; CPU, wake-ups and disk writes while nothing happens."""
    daemon = psutil.Process(cluster.daemon_pid())
    time.sleep(3)
    before, switches, began = daemon.cpu_times(), daemon.num_ctx_switches().voluntary, time.monotonic()
    written = daemon.io_counters().write_bytes
    time.sleep(IDLE_SECONDS)
    after, seconds = daemon.cpu_times(), time.monotonic() - began
    cpu = 100 * (after.user + after.system - before.user - before.system) / seconds
    wakes = (daemon.num_ctx_switches().voluntary - switches) / seconds
    others = [p for p in psutil.process_iter(["cmdline"]) if _ours(p, cluster) and p.pid != daemon.pid]
    mib = 1 << 20
    print(
        f"{title:<46}daemon {_pss(daemon.pid) / mib:.1f} MiB PSS, {cpu:.2f} % of a core, {wakes:.1f} wake-ups/s, "
        f"{daemon.io_counters().write_bytes - written} bytes written in {seconds:.0f} s; "
        f"{len(others)} other processes {sum(_pss(p.pid) for p in others) / mib:.1f} MiB PSS",
        flush=True,
    )


def _ours(process: psutil.Process, cluster: Cluster) -> bool:
    words = " ".join(process.info["cmdline"] or ())
    return words.startswith("nsorch-") or (str(cluster.root) in words and "nsorch" in words)


def _pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def pod_start(api: _Api, first: Path, work: Path) -> None:
    """From sending the POST to the first instruction of the Pod's process, and to the acknowledged POST."""
    pods = "/api/v1/namespaces/default/pods"
    times, answered = [], []
    for number in range(RUNS):
        out = work / f"first-{number}"
        container = {
            "name": "first",
            "image": "busybox",
            "imagePullPolicy": "Never",
            "command": ["/bench/first", f"/bench/first-{number}"],
            "volumeMounts": [{"name": "bench", "mountPath": "/bench"}],
        }
        spec = {
            "containers": [container],
            "terminationGracePeriodSeconds": 0,
            "volumes": [{"name": "bench", "hostPath": {"path": str(work)}}],
        }
        began = time.time_ns()
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"first-{number}"}, "spec": spec}
        api.call("POST", pods, body)
        answered.append((time.time_ns() - began) / 1e6)
        while not (out.exists() and out.stat().st_size):
            time.sleep(0.001)
        times.append((int(out.read_text()) - began) / 1e6)
        api.call("DELETE", f"{pods}/first-{number}?gracePeriodSeconds=0")
        time.sleep(0.1)
    assert first.exists()
    report("POST of a Pod acknowledged (durable)", answered, "ms")
    report("Pod start: POST to first instruction", times, "ms")


def fifty(api: _Api, cluster: Cluster) -> None:
    """A Deployment of 50 Pods: from POST to all 50 Ready, then deletion of one."""
    labels = {"app": "fifty"}
    container = {"name": "c", "image": "busybox", "imagePullPolicy": "Never", "command": ["sleep", "1000000"]}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "fifty"},
        "spec": {
            "replicas": 50,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
    url = "/apis/apps/v1/namespaces/default/deployments"
    began = time.monotonic()
    api.call("POST", url, deployment)
    while api.call("GET", f"{url}/fifty").get("status", {}).get("readyReplicas", 0) < 50:
        time.sleep(0.02)
    report("50-Pod Deployment: POST to 50 Ready", [1000 * (time.monotonic() - began)], "ms")


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("python -m bench: needs root")
    sys.exit(main())
