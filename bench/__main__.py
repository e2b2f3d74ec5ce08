"""``python -m bench``: every figure of docs/benchmarks.md, beside a C program that does the same system calls.

Needs root, and gcc for the two small C programs. Everything happens in a private network namespace with its own root,
below /var/tmp (``NSORCH_BENCH_DIR`` says another folder).
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

from bench import service_rules
from nsorch.linux.placement import spread_subfolders
from tests.support.cluster import PROJECT, Cluster

RUNS = 30
CYCLES = 1000
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
    work = Path(tempfile.mkdtemp(prefix="nsorch-bench-", dir=os.environ.get("NSORCH_BENCH_DIR", "/var/tmp")))
    # The C program and the daemon alike: what other programs do in that folder shall not be measured (see there).
    spread_subfolders(work)
    try:
        machine()
        compile_c("first", work, "-static")
        with Cluster(parent=work) as cluster:
            busybox(cluster)
            ready(cluster)
            idle(cluster, "idle, no Pods")
            api = _Api(cluster.root / "run" / "api.sock")
            pod_start(api, work)
            fifty(api, 50)
            idle(cluster, "idle, 50 Pods")
            cycles(api, cluster)
            idle(cluster, f"idle, after {CYCLES} Pods made and deleted")
        service_rules.main()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 0


def machine() -> None:
    """What the figures were measured on."""
    memory = psutil.virtual_memory().total / (1 << 30)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(
        f"{os.cpu_count()} cores, {memory:.1f} GiB, Linux {os.uname().release}, Python {sys.version.split()[0]}; load {load}"
    )


def report(what: str, values: Sequence[float], unit: str) -> None:
    """One line: median, minimum, maximum."""
    middle, count = statistics.median(values), len(values)
    print(
        f"{what:<46}{middle:9.2f} {unit:4} median   {min(values):9.2f} min {max(values):9.2f} max   n={count}",
        flush=True,
    )


def compile_c(name: str, work: Path, *options: str) -> Path:
    """One of the C programs beside this file."""
    binary = work / name
    subprocess.run(["gcc", "-O2", *options, "-o", str(binary), str(PROJECT / "bench" / f"{name}.c")], check=True)
    return binary


class Floor:
    """What the kernel alone needs: five namespaces, veth, overlay, pivot_root, exec, reap, by a C program."""

    def __init__(self, work: Path) -> None:
        self._binary = compile_c("floor", work)
        self._root, self._scratch = work / "floor-root", work / "floor-scratch"
        for folder in (self._root / "bin", self._root / "proc", self._root / "dev", self._scratch):
            folder.mkdir(parents=True)
        shutil.copy("/bin/busybox", self._root / "bin" / "true")

    def once(self) -> float:
        """Milliseconds of one run."""
        scratch = tempfile.mkdtemp(dir=self._scratch)
        argv = ["unshare", "--net", str(self._binary), str(self._root), scratch, "1"]
        done = subprocess.run(argv, check=True, capture_output=True, text=True)
        return float(done.stdout.split()[2])


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
    cpu = abs(100 * (after.user + after.system - before.user - before.system)) / seconds
    wakes = (daemon.num_ctx_switches().voluntary - switches) / seconds
    others = _others(cluster)
    mib = 1 << 20
    print(
        f"{title:<46}daemon {_pss(daemon.pid) / mib:.1f} MiB PSS, {cpu:.2f} % of a core, {wakes:.1f} wake-ups/s, "
        f"{daemon.io_counters().write_bytes - written} bytes written in {seconds:.0f} s; "
        f"{len(others)} other processes {sum(_pss(p.pid) for p in others) / mib:.1f} MiB PSS",
        flush=True,
    )


def _others(cluster: Cluster) -> list[psutil.Process]:
    """nsorch's own processes beside the daemon: the spawner, its children (a supervisor per Pod), and DNS."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or ())
        if str(cluster.root) in words and process.pid != cluster.daemon_pid():
            found += [process, *(process.children() if words.startswith("nsorch-spawner") else ())]
    return found


def _pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def pod_start(api: _Api, work: Path) -> None:
    """From sending the POST to the first instruction of the Pod's process, and to the acknowledged POST; by turns with
    the C program, so that both meet the same machine."""
    pods = "/api/v1/namespaces/default/pods"
    floor = Floor(work)
    times, answered, kernel = [], [], []
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
        kernel.append(floor.once())
    report("POST of a Pod acknowledged (durable)", answered, "ms")
    report("Pod start: POST to first instruction", times, "ms")
    report("the same system calls by a C program", kernel, "ms")
    ratio = statistics.median(times) / statistics.median(kernel)
    print(f"{'Pod start, in runs of the C program':<46}{ratio:9.1f}", flush=True)


def fifty(api: _Api, count: int) -> None:
    """A Deployment: from POST to all its Pods Ready."""
    labels = {"app": "many"}
    container = {"name": "c", "image": "busybox", "imagePullPolicy": "Never", "command": ["sleep", "1000000"]}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "many"},
        "spec": {
            "replicas": count,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
    url = "/apis/apps/v1/namespaces/default/deployments"
    began = time.monotonic()
    api.call("POST", url, deployment)
    while api.call("GET", f"{url}/many").get("status", {}).get("readyReplicas", 0) < count:
        time.sleep(0.02)
    report(f"{count}-Pod Deployment: POST to {count} Ready", [1000 * (time.monotonic() - began)], "ms")


def cycles(api: _Api, cluster: Cluster) -> None:
    """Pods made and deleted, ten at a time: what each costs and what stays of it in the daemon's memory."""
    pods = "/api/v1/namespaces/default/pods"
    container = {"name": "c", "image": "busybox", "imagePullPolicy": "Never", "command": ["sleep", "1000000"]}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    before, began = _pss(cluster.daemon_pid()), time.monotonic()
    for turn in range(CYCLES // 10):
        names = [f"cycle-{turn}-{number}" for number in range(10)]
        for name in names:
            api.call("POST", pods, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
        for name in names:
            while api.call("GET", f"{pods}/{name}").get("status", {}).get("phase") != "Running":
                time.sleep(0.01)
            api.call("DELETE", f"{pods}/{name}?gracePeriodSeconds=0")
    seconds = time.monotonic() - began
    grown = (_pss(cluster.daemon_pid()) - before) / (1 << 20)
    print(
        f"{'Pods made, run and deleted':<46}{CYCLES / seconds:9.1f} /s; the daemon grew by {grown:.1f} MiB", flush=True
    )


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("python -m bench: needs root")
    sys.exit(main())
