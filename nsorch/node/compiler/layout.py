"""Where the parts of one Pod lie inside ``PODS/UID``."""

from __future__ import annotations

from dataclasses import dataclass

from nsorch.kit.paths import Paths
from nsorch.resources.pod import Pod


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one Pod, as text (they go into the plan)."""

    dir: str
    socket: str
    cgroup: str
    logs: str

    @classmethod
    def of(cls, paths: Paths, pod: Pod) -> Layout:
        return cls(
            dir=str(paths.pod(pod.uid)),
            socket=str(paths.pod_socket(pod.uid)),
            cgroup=f"{paths.instance}/pod-{pod.uid}",
            logs=str(paths.pod_logs(pod.namespace or "", pod.name, pod.uid)),
        )

    @property
    def plan(self) -> str:
        return f"{self.dir}/plan.json"

    @property
    def boot(self) -> str:
        """File with the boot id under which the Pod was started."""
        return f"{self.dir}/boot_id"

    @property
    def hosts(self) -> str:
        return f"{self.dir}/hosts"

    @property
    def resolv_conf(self) -> str:
        return f"{self.dir}/resolv.conf"

    @property
    def hostname(self) -> str:
        return f"{self.dir}/hostname"

    @property
    def shm(self) -> str:
        return f"{self.dir}/shm"

    @property
    def volumes(self) -> str:
        return f"{self.dir}/volumes"

    def volume(self, name: str) -> str:
        return f"{self.volumes}/{name}"
