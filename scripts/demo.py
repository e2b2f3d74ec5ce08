"""`make demo`: the main job of nsorch, end to end, in a private network namespace that is gone afterwards.

Daemon -> images -> guestbook -> requests through the virtual IP -> a Pod dies and is replaced -> a rolling update under
load, and back -> no request lost. Standard library only; drives the same `nsorch` command line a person types.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
ROOT = PROJECT / ".cache" / "demo"
"""State of the demo; only its images are kept, so that the next demo starts faster."""
INSIDE = "NSORCH_DEMO_INSIDE"
IMAGES = ("busybox", "debian", "nginx", "redis", "web")
SENDERS = 4
COLOR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def main() -> int:
    if os.geteuid() != 0:
        print("make demo needs root, to make namespaces: sudo make demo", file=sys.stderr)
        return 1
    if INSIDE not in os.environ:
        return enter_private_network()
    began = time.monotonic()
    os.environ["NSORCH_ROOT"] = str(ROOT)
    tidy()
    try:
        verdict, failed = show()
    except Broken as error:
        print(f"\ndemo: failed: {error}", file=sys.stderr)
        log = ROOT / "logs" / "daemon.log"
        if log.exists():
            print("".join(f"  {line}\n" for line in log.read_text().splitlines()[-15:]), file=sys.stderr)
        verdict, failed = "", 1
    finally:
        say("clean up")
        run("down", "--timeout", "5")
        tidy()
    print(dim(f"\n{time.monotonic() - began:.0f} s"))
    if verdict:
        print(verdict)
    return 0 if verdict and not failed else 1


class Broken(Exception):
    """A step did not do what it should."""


def enter_private_network() -> int:
    """Run this script again in a network namespace of its own; images are built where packages can be fetched."""
    environment = {**os.environ, INSIDE: "1", "NSORCH_BUILD_NETNS": f"/proc/{os.getpid()}/ns/net"}
    inner = 'ip link set lo up && exec "$@"'
    argv = ["unshare", "--net", "--", "sh", "-c", inner, "demo", sys.executable, str(Path(__file__).resolve())]
    child = subprocess.Popen(argv, env=environment)
    signal.signal(signal.SIGINT, lambda *_: None)  # the inner one cleans up
    return child.wait()


def show() -> tuple[str, int]:
    say("start the daemon: nsorch up", "a private network namespace, state in .cache/demo")
    run("up", show=True)

    say("build the images: nsorch image build rootfs/NAME", "from Debian packages; no registry, no container engine")
    for name in IMAGES:
        began = time.monotonic()
        built = run("image", "build", str(PROJECT / "rootfs" / name), "--tag", name, timeout=600).splitlines()[-1]
        print(f"  {built}  {dim(f'{time.monotonic() - began:.1f} s')}", flush=True)

    say(
        "apply the guestbook: nsorch apply -f manifests/guestbook/", "nginx -> 3 x web app -> redis, joined by Services"
    )
    began = time.monotonic()
    run("apply", "-f", str(PROJECT / "manifests" / "guestbook"), show=True)
    for name in ("redis", "web", "frontend"):
        run("rollout", "status", name, "--timeout", "60")
    print(f"  all ready after {time.monotonic() - began:.1f} s\n")
    run("get", "pods,services", "-o", "wide", show=True)

    address = get("service", "frontend")["spec"]["clusterIP"]
    say(f"ask through the virtual IP: http://{address}/")
    print(f"  {fetch(address)[0]}")
    spread(address)

    load = Load(address)
    load.start()
    try:
        old, new = replace_pod(load)
        update(load)
    finally:
        load.stop()
    say("requests in all that time")
    print(f"  sent {load.sent}, failed {load.failed}" + "".join(f"\n  {error}" for error in load.errors[:5]))
    return f"demo: ok, {load.sent} requests, {load.failed} failed, replaced {old} by {new}", load.failed


def spread(address: str) -> None:
    """Count which Pod answers."""
    answers = Counter(json.loads(fetch(address)[0])["pod"] for _ in range(60))
    for pod, count in sorted(answers.items()):
        print(f"  {pod}  {'#' * count} {count}")
    if len(answers) != 3:
        raise Broken(f"requests reached {len(answers)} of 3 Pods")


def replace_pod(load: Load) -> tuple[str, str]:
    """Kill a Pod's supervisor, with all its processes; tell which Pod takes its place."""
    say("kill a Pod: kill -9 of its supervisor", "the ReplicaSet makes a new Pod: new name, new uid, new IP")
    pods = {pod["metadata"]["name"]: pod for pod in ready_pods()}
    victim = min(pods)
    address = pods[victim]["status"]["podIP"]
    print(f"  {victim}  {address}  uid {pods[victim]['metadata']['uid']}")
    load.pause()  # what a killed process was answering is lost, in any system: that is not what is counted here
    os.kill(supervisor_of(victim), signal.SIGKILL)
    began = time.monotonic()
    while True:
        fresh = [pod for pod in ready_pods() if pod["metadata"]["name"] not in pods]
        if fresh and len(ready_pods()) == 3:
            break
        if time.monotonic() - began > 30:
            raise Broken(f"nothing replaced {victim} within 30 s")
        time.sleep(0.05)
    load.resume()
    name, other = fresh[0]["metadata"]["name"], fresh[0]["status"]["podIP"]
    print(f"  {name}  {other}  uid {fresh[0]['metadata']['uid']}")
    print(f"  ready after {time.monotonic() - began:.2f} s")
    if address == other:
        raise Broken(f"the new Pod has the old address {address}")
    return f"{victim} ({address})", f"{name} ({other})"


def update(load: Load) -> None:
    """Roll version 2 out and back while requests go on."""
    for title, words, version in (
        (
            "roll out version 2: nsorch apply -f manifests/guestbook/v2/",
            ("apply", "-f", "manifests/guestbook/v2"),
            "v2",
        ),
        ("and back: nsorch rollout undo web", ("rollout", "undo", "web"), "v1"),
    ):
        say(title, "under load")
        load.mark()
        began = time.monotonic()
        run(*words)
        run("rollout", "status", "web", "--timeout", "60", show=True)
        took = time.monotonic() - began
        time.sleep(0.5)
        sent, failed, versions = load.since_mark()
        seen = ", ".join(f"{count} by {name}" for name, count in sorted(versions.items()))
        print(f"  {took:.1f} s; requests sent {sent}, failed {failed}; answered {seen}")
        if json.loads(fetch(load.address)[0])["version"] != version:
            raise Broken(f"after the update the answers are not from {version}")
    run("rollout", "history", "web", show=True)


class Load:
    """Requests without a pause from a few senders, a new connection each; counts what is answered by whom."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.sent = self.failed = 0
        self.errors: list[str] = []
        self._versions: Counter[str] = Counter()
        self._mark = (0, 0)
        self._lock = threading.Lock()
        self._go = threading.Event()
        self._end = threading.Event()
        self._idle = threading.Semaphore(SENDERS)
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(SENDERS)]

    def start(self) -> None:
        self._go.set()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._end.set()
        self._go.set()
        for thread in self._threads:
            thread.join()

    def pause(self) -> None:
        """Return when no request is under way."""
        self._go.clear()
        for _ in range(SENDERS):
            self._idle.acquire()
        for _ in range(SENDERS):
            self._idle.release()

    def resume(self) -> None:
        self._go.set()

    def mark(self) -> None:
        with self._lock:
            self._mark = (self.sent, self.failed)
            self._versions.clear()

    def since_mark(self) -> tuple[int, int, dict[str, int]]:
        """(sent, failed, answers by version) since the mark."""
        with self._lock:
            return self.sent - self._mark[0], self.failed - self._mark[1], dict(self._versions)

    def _send(self) -> None:
        while True:
            self._go.wait()
            if self._end.is_set():
                return
            with self._idle:
                self._one()
            time.sleep(0.002)

    def _one(self) -> None:
        error, version = "", ""
        try:
            body, status = fetch(self.address)
            if status == 200:
                version = json.loads(body)["version"]
            else:
                error = f"HTTP {status}: {body}"
        except (OSError, http.client.HTTPException, ValueError) as problem:
            error = f"{type(problem).__name__}: {problem}"
        with self._lock:
            self.sent += 1
            if error:
                self.failed += 1
                self.errors.append(error)
            else:
                self._versions[version] += 1


def fetch(address: str) -> tuple[str, int]:
    """(body, status) of one GET on a connection of its own."""
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request("GET", "/", headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.read().decode().strip(), answer.status
    finally:
        connection.close()


def ready_pods() -> list[dict[str, Any]]:
    """The web Pods that are Ready and not going away."""
    items = json.loads(run("get", "pods", "-l", "tier=web", "-o", "json"))["items"]
    return [
        pod
        for pod in items
        if "deletionTimestamp" not in pod["metadata"]
        and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))
    ]


def get(kind: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("get", kind, name, "-o", "json"))
    return found


def supervisor_of(pod: str) -> int:
    """Pid of a Pod's supervisor, by its process title."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                title = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue
            if title == f"nsorch-pod default/{pod}":
                return int(entry.name)
    raise Broken(f"cannot find the supervisor of {pod}")


def run(*words: str, show: bool = False, timeout: float = 120) -> str:
    """One nsorch command; Broken if it fails."""
    argv = [sys.executable, "-m", "nsorch.cli.main", *words]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=PROJECT, timeout=timeout, check=False)
    if done.returncode:
        raise Broken(f"nsorch {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    if show:
        print("".join(f"  {line}\n" for line in done.stdout.splitlines()), end="", flush=True)
    return done.stdout


def tidy() -> None:
    """Leave nothing of an earlier or this demo but its images."""
    if ROOT.exists():
        run("down", "--timeout", "2")
        for entry in ROOT.iterdir():
            if entry.name != "images":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    ROOT.mkdir(parents=True, exist_ok=True)


def say(title: str, note: str = "") -> None:
    print(f"\n{bold('> ' + title)}" + (f"\n  {dim(note)}" if note else ""), flush=True)


def bold(text: str) -> str:
    return f"\033[1m{text}\033[0m" if COLOR else text


def dim(text: str) -> str:
    return f"\033[2m{text}\033[0m" if COLOR else text


if __name__ == "__main__":
    sys.exit(main())
