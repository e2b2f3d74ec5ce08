"""A Namespace of a test's own on a running daemon, spoken to over the API's unix socket: a request costs a millisecond."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nsorch.supervisor import wire
from tests.support.cluster import Cluster
from tests.support.netns import NetworkNamespace

Object = dict[str, Any]
SLEEP = ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.05; done"]
"""Runs until it is told to end, and then ends at once."""
LIMIT = 25.0
"""Seconds after which waiting is a failure."""
APPS = ("deployments", "replicasets")
NO_NAMESPACE = ("namespaces", "nodes")
_numbers = itertools.count(1)


class Refused(AssertionError):
    """The API's answer was no success; ``status`` is the ``metav1.Status``."""

    def __init__(self, code: int, status: Object) -> None:
        super().__init__(f"{code} {status.get('reason')}: {status.get('message')}")
        self.code = code
        self.status = status


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=LIMIT)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Api:
    """Requests on the socket of one daemon."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def call(
        self, method: str, path: str, body: Any = None, *, type: str = "application/json", lines: bool = False
    ) -> Any:
        """The answer's JSON (or its bytes, or with ``lines`` one document a line); ``Refused`` unless it is a success."""
        connection = _Unix(self.path)
        try:
            data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            connection.request(method, path, data, {"Content-Type": type} if data is not None else {})
            answer = connection.getresponse()
            raw = answer.read()
            if lines and answer.status < 400:
                return [json.loads(line) for line in raw.splitlines()]
            parsed = json.loads(raw) if answer.headers.get("Content-Type", "").startswith("application/json") else raw
            if answer.status >= 400:
                raise Refused(answer.status, parsed if isinstance(parsed, dict) else {"message": str(parsed)})
            return parsed
        finally:
            connection.close()

    def until(self, path: str, holds: Callable[[dict[str, Object]], Any], *, what: str, seconds: float = LIMIT) -> Any:
        """List and watch the collection at ``path`` until ``holds`` is true of the objects by name.

        A daemon that goes away meanwhile is waited for."""
        deadline = time.monotonic() + seconds
        objects: dict[str, Object] = {}
        while True:
            try:
                for objects in self._versions(path, deadline):
                    if answer := holds(objects):
                        return answer
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.05)
            if time.monotonic() > deadline:
                shown = json.dumps({name: obj.get("status") for name, obj in objects.items()}, indent=1)
                raise AssertionError(f"not within {seconds:g} s: {what}\n{shown[:6000]}")

    def _versions(self, path: str, deadline: float) -> Iterator[dict[str, Object]]:
        listed = self.call("GET", path)
        objects = {item["metadata"]["name"]: item for item in listed["items"]}
        yield objects
        connection = _Unix(self.path)
        connection.timeout = max(deadline - time.monotonic(), 0.1)
        try:
            query = "&" if "?" in path else "?"
            version = listed["metadata"]["resourceVersion"]
            connection.request("GET", f"{path}{query}watch=true&resourceVersion={version}")
            answer = connection.getresponse()
            while line := answer.readline():
                change = json.loads(line)
                if change["type"] == "ERROR":
                    return
                name = change["object"]["metadata"]["name"]
                if change["type"] == "DELETED":
                    objects.pop(name, None)
                else:
                    objects[name] = change["object"]
                yield objects
                if time.monotonic() > deadline:
                    return
        finally:
            connection.close()


class Space:
    """Objects of one Namespace; ``with space(cluster) as here``."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.name = name
        self.api = Api(cluster.files / "run" / "api.sock")

    # Objects

    def path(self, plural: str, name: str = "") -> str:
        """The URL path of a collection or an object."""
        group = "/apis/apps/v1" if plural in APPS else "/api/v1"
        if plural == "endpointslices":
            group = "/apis/discovery.k8s.io/v1"
        scope = "" if plural in NO_NAMESPACE else f"/namespaces/{self.name}"
        return f"{group}{scope}/{plural}" + (f"/{name}" if name else "")

    def create(self, plural: str, obj: Object) -> Object:
        created: Object = self.api.call("POST", self.path(plural), obj)
        return created

    def get(self, plural: str, name: str) -> Object:
        found: Object = self.api.call("GET", self.path(plural, name))
        return found

    def list(self, plural: str, query: str = "") -> list[Object]:
        items: list[Object] = self.api.call("GET", self.path(plural) + query)["items"]
        return items

    def patch(self, plural: str, name: str, change: Object) -> Object:
        """JSON merge patch."""
        changed: Object = self.api.call("PATCH", self.path(plural, name), change, type="application/merge-patch+json")
        return changed

    def delete(self, plural: str, name: str, grace: int | None = None) -> None:
        query = "" if grace is None else f"?gracePeriodSeconds={grace}"
        self.api.call("DELETE", self.path(plural, name) + query)

    def until(
        self, plural: str, holds: Callable[[dict[str, Object]], Any], *, what: str, seconds: float = LIMIT
    ) -> Any:
        """Wait for something to be true of all objects of a kind in this Namespace, by name."""
        return self.api.until(self.path(plural), holds, what=what, seconds=seconds)

    # Pods

    def pod(self, name: str, container: Object | None = None, *, labels: Object | None = None, **spec: Any) -> Object:
        """Create a Pod with one busybox container ``main`` that loops until it is stopped, unless told otherwise."""
        given = spec.pop("containers", None) or [{**main(), **(container or {})}]
        meta = {"name": name, "labels": labels or {"app": name}}
        return self.create("pods", {"metadata": meta, "spec": {"containers": given, **spec}})

    def when(self, name: str, holds: Callable[[Object], Any], *, what: str = "", seconds: float = LIMIT) -> Object:
        """The Pod as soon as ``holds`` is true of it."""

        def look(pods: dict[str, Object]) -> Object | None:
            return pods[name] if name in pods and holds(pods[name]) else None

        found: Object = self.until("pods", look, what=what or f"Pod {name}", seconds=seconds)
        return found

    def ready(self, name: str) -> Object:
        return self.when(name, is_ready, what=f"Pod {name} is Ready")

    def done(self, name: str) -> Object:
        """The Pod when it has Succeeded or Failed."""
        return self.when(name, lambda pod: pod["status"].get("phase") in ("Succeeded", "Failed"), what=f"end of {name}")

    def gone(self, name: str, plural: str = "pods") -> None:
        self.until(plural, lambda found: name not in found, what=f"{name} is gone")

    def script(self, name: str, text: str, **spec: Any) -> tuple[int, str]:
        """Run a shell script as a Pod of its own: its exit code and output."""
        self.pod(name, {"command": ["sh", "-c", text]}, restartPolicy="Never", **spec)
        code = status_of(self.done(name))["state"]["terminated"]["exitCode"]
        return code, self.log(name)

    def log(self, name: str, query: str = "") -> str:
        raw: bytes = self.api.call("GET", f"{self.path('pods', name)}/log{query}")
        return raw.decode()

    def sh(self, name: str, text: str, container: str = "main") -> str:
        """Output of a shell script in a running container, which must succeed."""
        return self.kubectl("exec", name, "-c", container, "--", "sh", "-c", text).stdout

    def kubectl(self, *words: str, **options: Any) -> Any:
        return self.cluster.kubectl("-n", self.name, *words, **options)

    def events(self, name: str, reason: str) -> list[str]:
        """Messages of the Events about an object with this reason."""
        return [
            event.get("message", "")
            for event in self.list("events")
            if event["involvedObject"]["name"] == name and event["reason"] == reason
        ]

    def event(self, name: str, reason: str) -> str:
        """The message of the first such Event, when it has come."""

        def look(events: dict[str, Object]) -> str | None:
            for event in events.values():
                if event["involvedObject"]["name"] == name and event["reason"] == reason:
                    return event.get("message") or "-"
            return None

        message: str = self.until("events", look, what=f"Event {reason} about {name}")
        return message

    def state(self, pod: Object) -> Object:
        """What the Pod's supervisor says of itself: ``pid``, and ``containers`` with ``name`` and ``pid``."""
        connection = wire.connect(str(self.cluster.files / "run" / "pods" / f"{pod['metadata']['uid']}.sock"))
        try:
            answer = wire.receive(connection)
            assert answer is not None
            state: Object = answer[0]["state"]
            return state
        finally:
            connection.close()

    def kill(self, pod: Object, container: str = "main") -> None:
        """SIGKILL the first process of a container."""
        (pid,) = [item["pid"] for item in self.state(pod)["containers"] if item["name"] == container]
        os.kill(pid, signal.SIGKILL)

    def kill_supervisor(self, pod: Object) -> None:
        os.kill(self.state(pod)["pid"], signal.SIGKILL)

    # Deployments

    def deployment(self, name: str, replicas: int, container: Object | None = None, **spec: Any) -> Object:
        """Create a Deployment of busybox containers named ``main``, labelled ``app: NAME``."""
        labels = {"app": name}
        pod = {"terminationGracePeriodSeconds": 5, "containers": [{**main(), **(container or {})}]}
        template = {"metadata": {"labels": labels}, "spec": {**pod, **spec.pop("pod", {})}}
        made = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec}
        return self.create("deployments", {"metadata": {"name": name}, "spec": made})

    def service(self, name: str, **spec: Any) -> Object:
        """Create a Service for ``app: NAME`` with port 80 to 8080 unless told otherwise."""
        given = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}], **spec}
        return self.create("services", {"metadata": {"name": name}, "spec": given})

    def rolled_out(self, name: str, seconds: float = LIMIT) -> Object:
        """The Deployment when every replica is of the newest template and available, and no older is left."""

        def look(found: dict[str, Object]) -> Object | None:
            item = found[name]
            status, wanted = item.get("status", {}), item["spec"]["replicas"]
            complete = (
                status.get("observedGeneration", 0) >= item["metadata"]["generation"]
                and status.get("updatedReplicas", 0) == wanted
                and status.get("availableReplicas", 0) == wanted
                and status.get("replicas", 0) == wanted
            )
            return item if complete else None

        done: Object = self.until("deployments", look, what=f"rollout of {name}", seconds=seconds)
        return done

    def pods_of(self, app: str) -> list[Object]:
        """Pods labelled ``app: APP`` that are not going away."""
        items = self.list("pods", f"?labelSelector=app%3D{app}")
        return [item for item in items if "deletionTimestamp" not in item["metadata"]]


@contextmanager
def space(cluster: Cluster, prefix: str = "test") -> Iterator[Space]:
    """A new Namespace; deleted, without waiting for it, at the end."""
    here = Space(cluster, f"{prefix}-{next(_numbers)}")
    here.create("namespaces", {"metadata": {"name": here.name}})
    here.api.until(here.path("serviceaccounts"), lambda found: "default" in found, what="the ServiceAccount default")
    try:
        yield here
    finally:
        here.delete("namespaces", here.name)


def main(command: list[str] | None = None, **fields: Any) -> Object:
    """The container ``main``."""
    return {
        "name": "main",
        "image": "busybox",
        "imagePullPolicy": "IfNotPresent",
        "command": command or SLEEP,
        **fields,
    }


def is_ready(pod: Object) -> bool:
    return condition(pod, "Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


def condition(obj: Object, kind: str) -> str | None:
    for item in obj.get("status", {}).get("conditions") or ():
        if item["type"] == kind:
            return str(item["status"])
    return None


def status_of(pod: Object, container: str = "main") -> Object:
    """The container's status; empty if there is none yet."""
    status = pod.get("status", {})
    every = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    found: Object = next((item for item in every if item["name"] == container), {})
    return found


def waits_for(pod: Object, *reasons: str, container: str = "main") -> bool:
    """Whether the container is waiting with one of these reasons."""
    waiting = status_of(pod, container).get("state", {}).get("waiting") or {}
    return waiting.get("reason") in reasons


def network_of(pid: int) -> NetworkNamespace:
    """The network namespace of a process, to run things in."""
    return _Borrowed(pid)


class _Borrowed(NetworkNamespace):
    def __init__(self, pid: int) -> None:
        self.pid = pid

    @property
    def path(self) -> str:
        return f"/proc/{self.pid}/ns/net"
