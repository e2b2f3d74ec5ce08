"""Probes and lifecycle hooks: what is run or asked to learn how a container is."""

from __future__ import annotations

from typing import Annotated

from nsorch.resources.base import Model
from nsorch.resources.merging import ATOMIC
from nsorch.resources.scalars import Int32, Int64, IntOrString


class ExecAction(Model):
    """Runs a command inside the container."""

    command: Annotated[list[str] | None, ATOMIC] = None
    """The command and its arguments; no shell unless it is named."""


class HTTPHeader(Model):
    """One header of an HTTP request."""

    name: str
    """The name of the header."""
    value: str
    """The value of the header."""


class HTTPGetAction(Model):
    """Sends an HTTP GET request to the container."""

    port: IntOrString
    """The port, as a number or as a name of the container's ports."""
    host: str | None = None
    """The host to connect to. Defaults to the Pod's own address."""
    httpHeaders: Annotated[list[HTTPHeader] | None, ATOMIC] = None
    """Extra headers of the request."""
    path: str | None = None
    """The path to ask for. Defaults to /."""
    scheme: str | None = None
    """HTTP (the default) or HTTPS; certificates are not checked."""


class TCPSocketAction(Model):
    """Opens a TCP connection to the container."""

    port: IntOrString
    """The port, as a number or as a name of the container's ports."""
    host: str | None = None
    """The host to connect to. Defaults to the Pod's own address."""


class GRPCAction(Model):
    """Calls the gRPC health service of the container."""

    port: Int32
    """The port."""
    service: str | None = None
    """The service to ask about."""


class SleepAction(Model):
    """Waits for some seconds."""

    seconds: Int64
    """How long to wait."""


class Probe(Model):
    """A check made again and again to learn whether a container has started, lives or is ready."""

    exec: ExecAction | None = None
    """Run a command; exit code 0 means success."""
    failureThreshold: Int32 | None = None
    """Failures in a row that count. Defaults to 3."""
    grpc: GRPCAction | None = None
    """Call the gRPC health service."""
    httpGet: HTTPGetAction | None = None
    """Send an HTTP request; a status from 200 to 399 means success."""
    initialDelaySeconds: Int32 | None = None
    """Seconds after the start of the container before the first check. Defaults to 0."""
    periodSeconds: Int32 | None = None
    """Seconds between checks. Defaults to 10."""
    successThreshold: Int32 | None = None
    """Successes in a row that turn a failure around. Defaults to 1."""
    tcpSocket: TCPSocketAction | None = None
    """Open a TCP connection; success if it opens."""
    terminationGracePeriodSeconds: Int64 | None = None
    """Grace of the stop that a failure causes, instead of the Pod's own."""
    timeoutSeconds: Int32 | None = None
    """Seconds after which a check counts as failed. Defaults to 1."""


class LifecycleHandler(Model):
    """What is done at a moment of a container's life; exactly one action."""

    exec: ExecAction | None = None
    """Run a command; exit code 0 means success."""
    httpGet: HTTPGetAction | None = None
    """Send an HTTP request; a status from 200 to 399 means success."""
    sleep: SleepAction | None = None
    """Wait for some seconds."""
    tcpSocket: TCPSocketAction | None = None
    """Open a TCP connection; success if it opens."""


class Lifecycle(Model):
    """What is done right after a container starts and right before it is stopped."""

    postStart: LifecycleHandler | None = None
    """Done right after the container starts; a failure restarts it."""
    preStop: LifecycleHandler | None = None
    """Done before the stop signal, within the grace period."""
    stopSignal: str | None = None
    """The signal that asks the container to stop; the image's own if not set."""
