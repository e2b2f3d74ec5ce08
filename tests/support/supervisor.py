"""A small synchronous client that drives spawner and Pod supervisors, and a root filesystem made of busybox."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nsorch.supervisor import wire
from nsorch.supervisor.plan import ContainerPlan, Network, PodPlan, Security
from tests.support.netns import NetworkNamespace

CAPABILITIES = (
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID"),
    *("CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL"),
    "CAP_AUDIT_WRITE",
)
MASKED = ("/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi", "/sys/firmware")
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
SECURITY = Security(capabilities=CAPABILITIES, masked_paths=MASKED, read_only_paths=READ_ONLY)
NODE = "10.199.0.1"
TIMEOUT = 20.0


def busybox_rootfs(folder: Path) -> Path:
    """A root filesystem: busybox, its links, and the usual /etc."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("bin", "etc", "tmp", "root", "home/app", "var"):
        (folder / name).mkdir(parents=True)
    (folder / "tmp").chmod(0o1777)
    shutil.copy("/bin/busybox", folder / "bin/busybox")
    applets = subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()
    for applet in applets:
        if applet != "busybox":
            (folder / "bin" / applet).symlink_to("busybox")
    (folder / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:App:/home/app:/bin/sh\n")
    (folder / "etc/group").write_text("root:x:0:\napp:x:1001:\nextra:x:2000:app\n")
    return folder


class Peer:
    """One connection to a spawner or supervisor."""

    def __init__(self, path: str | Path) -> None:
        self.socket = wire.connect(str(path))
        self.state: dict[str, Any] = {}
        self.events: list[dict[str, Any]] = []
        self.replies: dict[int, tuple[dict[str, Any], list[int]]] = {}
        self._number = 0

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def pump(self, deadline: float) -> bool:
        """Handle one message; False at the deadline, ConnectionError at the end."""
        if not select.select([self.socket], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return False
        received = wire.receive(self.socket)
        if received is None:
            raise ConnectionError("the peer has closed the connection")
        message, fds = received
        if message.get("event") == "state":
            self.state = message["state"]
        elif "event" in message:
            self.events.append(message)
        else:
            self.replies[message["id"]] = (message, fds)
        return True

    def until(self, condition: Callable[[], Any], timeout: float = TIMEOUT) -> Any:
        """Read messages until ``condition`` is true and give its value."""
        deadline = time.monotonic() + timeout
        while not (value := condition()):
            if not self.pump(deadline):
                raise TimeoutError(f"not within {timeout} s; state {self.state}, events {self.events}")
        return value

    def ask(self, op: str, fds: Sequence[int] = (), **more: Any) -> tuple[dict[str, Any], list[int]]:
        """Send a request and wait for its reply."""
        self._number += 1
        number = self._number
        wire.send(self.socket, {"id": number, "op": op, **more}, fds)
        self.until(lambda: number in self.replies)
        return self.replies.pop(number)

    def do(self, op: str, **more: Any) -> dict[str, Any]:
        """``ask``, and the reply must be ok."""
        reply, fds = self.ask(op, **more)
        wire.close_all(fds)
        assert reply["ok"], reply
        return reply

    def container(self, name: str) -> dict[str, Any]:
        return next((item for item in self.state.get("containers", []) if item["name"] == name), {})

    def until_phase(self, name: str, phase: str, timeout: float = TIMEOUT) -> dict[str, Any]:
        self.until(lambda: self.container(name).get("phase") == phase, timeout)
        return self.container(name)

    def run(self, name: str, *argv: str, stdin: bytes = b"", **more: Any) -> tuple[int, bytes, bytes]:
        """exec with pipes: exit code (or the error as text in stderr), stdout, stderr."""
        in_reader, in_writer = os.pipe()
        out_reader, out_writer = os.pipe()
        err_reader, err_writer = os.pipe()
        reply, _ = self.ask("exec", [in_reader, out_writer, err_writer], container=name, argv=list(argv), **more)
        for fd in (in_reader, out_writer, err_writer):
            os.close(fd)
        os.write(in_writer, stdin)
        os.close(in_writer)
        with os.fdopen(out_reader, "rb") as out, os.fdopen(err_reader, "rb") as err:
            if not reply["ok"]:
                return -1, b"", reply["error"].encode()
            texts = out.read(), err.read()
        event = self.until(lambda: self.finished(reply["exec"]))
        return event["exit_code"], texts[0], texts[1] + event.get("error", "").encode()

    def sh(self, name: str, script: str) -> str:
        """The output of a shell script inside; it must succeed."""
        code, out, err = self.run(name, "/bin/sh", "-c", script)
        assert code == 0, (script, code, out, err)
        return out.decode().strip()

    def finished(self, exec_id: str) -> dict[str, Any] | None:
        return next((item for item in self.events if item.get("exec") == exec_id), None)


class Node:
    """A spawner in a private network namespace, with a folder of its own and the Pods it has started."""

    def __init__(self, folder: Path, prefix: Sequence[str] = ()) -> None:
        self.folder = folder
        self.prefix = tuple(prefix)
        """Command in front of the spawner's own."""
        self.instance = f"nsorch-test-{uuid.uuid4().hex[:8]}"
        self.rootfs = busybox_rootfs(folder / "rootfs")
        self.namespace = NetworkNamespace()
        self._number = 0
        self.pods: dict[str, PodPlan] = {}

    def __enter__(self) -> Self:
        self.namespace.__enter__()
        self.namespace.run(["ip", "address", "add", f"{NODE}/32", "dev", "lo"])
        self.namespace.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"])
        self.start_spawner()
        return self

    def start_spawner(self) -> None:
        self.socket = self.folder / "spawner.sock"
        self.process = self.namespace.popen(
            [*self.prefix, sys.executable, "-m", "nsorch.supervisor.spawner", "--socket", str(self.socket)]
        )
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                self.spawner = Peer(self.socket)
            except OSError:
                assert self.process.poll() is None, "the spawner has died"
                assert time.monotonic() < deadline, "the spawner does not listen"
                time.sleep(0.01)
            else:
                break

    def plan(self, *containers: ContainerPlan, **more: Any) -> PodPlan:
        """A plan with everything that has to be unique filled in."""
        self._number += 1
        uid = str(uuid.uuid4())
        folder = self.folder / "pods" / uid
        folder.mkdir(parents=True, exist_ok=True)
        defaults: dict[str, Any] = {
            "uid": uid,
            "namespace": "default",
            "name": f"pod-{self._number}",
            "hostname": f"pod-{self._number}",
            "dir": str(folder),
            "socket": str(folder / "supervisor.sock"),
            "cgroup": f"{self.instance}/pod-{uid}",
            "network": Network(address=f"10.199.1.{self._number}", host_interface=f"ns{uid[:10]}", node_address=NODE),
            "containers": containers,
        }
        return PodPlan(**{**defaults, **more})

    def container(self, name: str = "main", script: str = "", **more: Any) -> ContainerPlan:
        """A busybox container that runs ``script`` (default: sleeps until SIGTERM)."""
        script = script or "trap 'exit 0' TERM; sleep 1000000 & wait"
        defaults: dict[str, Any] = {
            "name": name,
            "lower": (str(self.rootfs),),
            "argv": ("/bin/sh", "-c", script),
            "security": SECURITY,
            "log_dir": str(self.folder / "logs" / uuid.uuid4().hex / name),
        }
        return ContainerPlan(**{**defaults, **more})

    def try_start(self, plan: PodPlan) -> dict[str, Any]:
        path = Path(plan.dir) / "plan.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(plan.to_json())
        reply, _ = self.spawner.ask("start", plan=str(path))
        return reply

    def start(self, plan: PodPlan) -> Peer:
        """Start the Pod and connect to its supervisor."""
        reply = self.try_start(plan)
        assert reply["ok"], reply
        self.pods[plan.uid] = plan
        return Peer(plan.socket)

    def finish(self, plan: PodPlan) -> None:
        """Make the Pod leave and wait until its supervisor is gone."""
        self.pods.pop(plan.uid, None)
        try:
            with Peer(plan.socket) as peer:
                peer.do("exit")
                while peer.pump(time.monotonic() + TIMEOUT):
                    pass
        except OSError:
            pass

    def logs(self, container: ContainerPlan, number: int = 0) -> str:
        return (Path(container.log_dir) / f"{number}.log").read_text()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for plan in list(self.pods.values()):
            self.finish(plan)
        if self.process.poll() is None:
            try:
                self.spawner.do("exit")
            except OSError:
                self.process.kill()
            self.process.wait(TIMEOUT)
        self.spawner.close()
        from nsorch.linux import cgroups

        cgroups.Group(self.instance).destroy()
        self.namespace.__exit__(kind, error, trace)
