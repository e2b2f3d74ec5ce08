"""Probes and lifecycle hooks: what is run or asked to learn how a container is."""

from __future__ import annotations

from typing import Annotated

from nsorch.resources.base import Model
from nsorch.resources.merging import ATOMIC
from nsorch.resources.scalars import Int32, Int64, IntOrString


class ExecAction(Model):
    """``ExecAction``."""

    command: Annotated[list[str] | None, ATOMIC] = None


class HTTPHeader(Model):
    """``HTTPHeader``."""

    name: str
    value: str


class HTTPGetAction(Model):
    """``HTTPGetAction``."""

    port: IntOrString
    host: str | None = None
    httpHeaders: Annotated[list[HTTPHeader] | None, ATOMIC] = None
    path: str | None = None
    scheme: str | None = None


class TCPSocketAction(Model):
    """``TCPSocketAction``."""

    port: IntOrString
    host: str | None = None


class GRPCAction(Model):
    """``GRPCAction``."""

    port: Int32
    service: str | None = None


class SleepAction(Model):
    """``SleepAction``."""

    seconds: Int64


class Probe(Model):
    """``Probe``."""

    exec: ExecAction | None = None
    failureThreshold: Int32 | None = None
    grpc: GRPCAction | None = None
    httpGet: HTTPGetAction | None = None
    initialDelaySeconds: Int32 | None = None
    periodSeconds: Int32 | None = None
    successThreshold: Int32 | None = None
    tcpSocket: TCPSocketAction | None = None
    terminationGracePeriodSeconds: Int64 | None = None
    timeoutSeconds: Int32 | None = None


class LifecycleHandler(Model):
    """``LifecycleHandler``."""

    exec: ExecAction | None = None
    httpGet: HTTPGetAction | None = None
    sleep: SleepAction | None = None
    tcpSocket: TCPSocketAction | None = None


class Lifecycle(Model):
    """``Lifecycle``."""

    postStart: LifecycleHandler | None = None
    preStop: LifecycleHandler | None = None
    stopSignal: str | None = None
