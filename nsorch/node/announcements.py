"""Events about Pods, with kubelet's reasons and words."""

from __future__ import annotations

from typing import Literal

from nsorch.node.compiler.pod import roles
from nsorch.node.status.containers import ID_SCHEME
from nsorch.resources.client import Client
from nsorch.resources.pod import Pod
from nsorch.supervisor.protocol import ContainerState, PodState

COMPONENT = "kubelet"
_FIELDS = {"init": "initContainers", "sidecar": "initContainers", "ephemeral": "ephemeralContainers"}


class Announcer:
    """Records Events about one Pod; says the same thing about the same container only when it is news."""

    def __init__(self, client: Client, pod: Pod) -> None:
        self._client = client
        self.pod = pod
        self._runs: dict[str, str] = {}
        for status in (
            *(pod.status.initContainerStatuses or ()),
            *(pod.status.containerStatuses or ()),
            *(pod.status.ephemeralContainerStatuses or ()),
        ):
            if status.containerID:
                self._runs[status.name] = status.containerID.removeprefix(ID_SCHEME)
        self._waiting: dict[str, tuple[str, float]] = {}
        self._last: dict[str, str] = {}

    def say(self, type: Literal["Normal", "Warning"], reason: str, message: str, container: str = "") -> None:
        """One Event."""
        self._client.event(
            self.pod,
            type=type,
            reason=reason,
            message=message,
            component=COMPONENT,
            field_path=self._field(container) if container else "",
        )

    def say_once(self, topic: str, type: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        """One Event unless the last one on this topic said the same."""
        if self._last.get(topic) != message:
            self._last[topic] = message
            self.say(type, reason, message)

    def follow(self, state: PodState) -> None:
        """Tell what is new in a supervisor's state: starts, failures to start, back-offs."""
        for found in state.containers:
            self._follow(found)

    def killing(self, state: PodState) -> None:
        """The Pod is being stopped."""
        for found in state.containers:
            if found.phase == "running":
                self.say("Normal", "Killing", f"Stopping container {found.name}", found.name)

    def _follow(self, found: ContainerState) -> None:
        name = found.name
        if found.phase == "running" and found.container_id and self._runs.get(name) != found.container_id:
            self._runs[name] = found.container_id
            self._waiting.pop(name, None)
            image = found.image or self._image(name)
            self.say("Normal", "Pulled", f'Container image "{image}" already present on machine', name)
            self.say("Normal", "Created", f"Created container: {name}", name)
            self.say("Normal", "Started", f"Started container {name}", name)
            return
        run = found.ended or found.last
        if (
            run is not None
            and run.container_id
            and self._runs.get(name) != run.container_id
            and found.phase != "running"
        ):
            self._runs[name] = run.container_id
            if run.reason in ("StartError", "ContainerCannotRun"):
                self.say("Warning", "Failed", f"Error: {run.message}", name)
            else:
                self.say("Normal", "Created", f"Created container: {name}", name)
                self.say("Normal", "Started", f"Started container {name}", name)
        if found.phase != "waiting":
            self._waiting.pop(name, None)
            return
        key = (found.reason, found.restart_at)
        if self._waiting.get(name) == key:
            return
        self._waiting[name] = key
        if found.reason == "CrashLoopBackOff":
            where = f"{self.pod.name}_{self.pod.namespace}({self.pod.uid})"
            self.say("Warning", "BackOff", f"Back-off restarting failed container {name} in pod {where}", name)
        elif found.reason in ("CreateContainerError", "RunContainerError"):
            self.say("Warning", "Failed", f"Error: {found.message}", name)

    def _field(self, container: str) -> str:
        for role, declared in roles(self.pod):
            if declared.name == container:
                return f"spec.{_FIELDS.get(role, 'containers')}{{{container}}}"
        return ""

    def _image(self, container: str) -> str:
        for _, declared in roles(self.pod):
            if declared.name == container:
                return declared.image or ""
        return ""
