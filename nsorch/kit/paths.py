"""Where nsorch keeps things on disk: one object knows every path.

``--root DIR`` (or ``NSORCH_ROOT``) moves everything, so that several daemons can live side by side in
different network namespaces. With the default root, run files live in ``/run/nsorch``; with any other,
in ``DIR/run``.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT_ROOT = Path("/var/lib/nsorch")


@dataclass(frozen=True, slots=True)
class Paths:
    """Every path of one nsorch instance."""

    root: Path
    run: Path

    @classmethod
    def at(cls, root: str | os.PathLike[str] | None = None) -> Paths:
        """Paths below ``root``; without one, below ``NSORCH_ROOT``, else below ``/var/lib/nsorch``."""
        chosen = Path(root or os.environ.get("NSORCH_ROOT") or DEFAULT_ROOT).absolute()
        return cls(chosen, Path("/run/nsorch") if chosen == DEFAULT_ROOT else chosen / "run")

    @property
    def instance(self) -> str:
        """Short stable name of this instance, used where the kernel's names are host-wide (cgroups)."""
        if self.root == DEFAULT_ROOT:
            return "nsorch"
        return "nsorch-" + hashlib.sha256(str(self.root).encode()).hexdigest()[:8]

    @property
    def database(self) -> Path:
        return self.root / "nsorch.db"

    @property
    def pki(self) -> Path:
        return self.root / "pki"

    @property
    def kubeconfig(self) -> Path:
        return self.root / "kubeconfig"

    @property
    def images(self) -> Path:
        return self.root / "images"

    @property
    def pods(self) -> Path:
        return self.root / "pods"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def pod(self, uid: str) -> Path:
        """Everything on disk of one Pod except its logs: plan, volumes, container layers."""
        return self.pods / uid

    def pod_logs(self, namespace: str, name: str, uid: str) -> Path:
        """Log folder of one Pod; below it ``CONTAINER/RESTARTS.log`` in CRI format."""
        return self.logs / f"{namespace}_{name}_{uid}"

    @property
    def api_socket(self) -> Path:
        return self.run / "api.sock"

    @property
    def spawner_socket(self) -> Path:
        return self.run / "spawner.sock"

    @property
    def pod_sockets(self) -> Path:
        return self.run / "pods"

    def pod_socket(self, uid: str) -> Path:
        """SOCK_SEQPACKET socket on which the supervisor of Pod ``uid`` listens."""
        return self.pod_sockets / f"{uid}.sock"

    @property
    def daemon_pid(self) -> Path:
        return self.run / "daemon.pid"
