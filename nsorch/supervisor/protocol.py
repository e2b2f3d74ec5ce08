"""What daemon, spawner and Pod supervisors say to each other: JSON objects, one per SOCK_SEQPACKET message.

Spawner (``RUN/spawner.sock``)
    request  ``{"id": 1, "op": "start", "plan": "/path/plan.json"}``
    reply    ``{"id": 1, "ok": true, "pid": 123}`` once the supervisor listens on its own socket, or
             ``{"id": 1, "ok": false, "error": "cannot ...: why"}`` and nothing is left behind.
    Also ``{"op": "ping"}`` -> ``{"ok": true, "version": 1, "pid": ...}`` and ``{"op": "exit"}`` (Pods stay).

Supervisor (``RUN/pods/UID.sock``)
    On connect, and after every change, it sends ``{"event": "state", "state": PodState}``: always the whole state, so
    a lost message or a restarted daemon needs no history.
    Requests carry ``id`` and ``op``; the reply repeats ``id`` with ``ok`` and ``error`` or results:
    ``stop``      {"grace": seconds}: preStop hooks, stop signals, SIGKILL after grace; main containers first, sidecars
                  after them. Replies at once; progress is in the state. A second ``stop`` may shorten the grace.
                  When all is dead the state says ``phase: stopped`` and the supervisor waits for ``exit``. The same phase
                  is reached without ``stop`` when nothing will ever run again: all main containers have ended for good
                  (sidecars are then stopped), or an init container has failed for good. SIGTERM means ``stop``, too.
    ``exit``      leave (kills whatever is left); network namespace, mounts and cgroups of the Pod are gone after it.
    ``restart``   {"container": name, "reason": str, "grace": seconds}: stop one container (preStop, signal, SIGKILL);
                  its restartPolicy then applies (failed liveness or startup probe).
    ``container`` {"plan": ContainerPlan} or {"path": file with it}: add or replace one container's plan (image arrived,
                  image changed, ephemeral container); a held container starts, a running one whose image changed restarts.
    ``exec``      {"container": name, "argv": [...], "env": [[k, v]...], "cwd": str, "tty": bool, "stdin": bool,
                  "rows": n, "cols": n, "timeout": seconds|null}: with three file descriptors (stdin, stdout, stderr)
                  attached by SCM_RIGHTS unless ``tty``, for which the reply ``{"id", "ok", "exec": EID}`` carries the
                  pty master. When the process ends: ``{"event": "exec", "exec": EID, "exit_code": n}``
                  (128+signal if killed; ``"error"`` if the command cannot be run).
    ``resize``    {"exec": EID | "container": name, "rows": n, "cols": n}.
    ``signal``    {"exec": EID, "signal": n}.
    ``attach``    {"container": name, "stdin": bool (default true)}: the reply's ``fds`` names the descriptors that come with
                  it, of ``stdin`` (to write; only when open), ``stdout`` and (without a terminal) ``stderr`` (to read), and
                  ``tty`` says whether there is a terminal. A reader that falls a mebibyte behind is let go. With
                  ``stdin_once`` the container's input ends when the first attached writer closes.
    ``ping``      -> ``{"pid": ...}``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

VERSION = 1
MAX_MESSAGE = 160 * 1024
"""Bytes; below the default SO_SNDBUF of a unix socket. Larger things travel as files."""

Phase = Literal["waiting", "running", "terminated"]


@dataclass(slots=True, kw_only=True)
class Terminated:
    """How one run of a container ended."""

    container_id: str = ""
    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    """Completed, Error, OOMKilled, ContainerCannotRun, StartError..."""
    message: str = ""
    started_at: float = 0.0
    finished_at: float = 0.0


@dataclass(slots=True, kw_only=True)
class ContainerState:
    """What is true of one container now. Times are seconds since the epoch."""

    name: str
    role: str = "main"
    phase: Phase = "waiting"
    reason: str = ""
    """While waiting: PodInitializing, ContainerCreating, CrashLoopBackOff, CreateContainerError, hold_reason."""
    message: str = ""
    container_id: str = ""
    """Random 64 hex digits, new for every run."""
    pid: int = 0
    """Host pid of the container's first process while running."""
    started_at: float = 0.0
    started: bool = False
    """postStart has completed."""
    restart_count: int = 0
    restart_at: float = 0.0
    """While in CrashLoopBackOff: when the next start is due."""
    image: str = ""
    image_id: str = ""
    last: Terminated | None = None
    """The run before the present one, or the final one when ``phase`` is terminated."""
    ended: Terminated | None = None
    """Set when ``phase`` is terminated: the run that just ended (``last`` is the one before it)."""


@dataclass(slots=True, kw_only=True)
class PodState:
    """The whole state of one Pod, as its supervisor knows it."""

    version: int = VERSION
    uid: str = ""
    namespace: str = ""
    name: str = ""
    pid: int = 0
    """The supervisor's own pid."""
    boot_id: str = ""
    phase: Literal["starting", "running", "stopping", "stopped", "failed"] = "starting"
    message: str = ""
    address: str = ""
    started_at: float = 0.0
    sequence: int = 0
    """Grows with every change of one supervisor's life."""
    containers: list[ContainerState] = field(default_factory=list)
