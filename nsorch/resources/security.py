"""Security contexts of Pods and containers: users, capabilities, seccomp, SELinux, sysctls."""

from __future__ import annotations

from typing import Annotated

from nsorch.resources.base import Model
from nsorch.resources.merging import ATOMIC
from nsorch.resources.scalars import Int64


class Capabilities(Model):
    """``Capabilities``."""

    add: Annotated[list[str] | None, ATOMIC] = None
    drop: Annotated[list[str] | None, ATOMIC] = None


class SELinuxOptions(Model):
    """``SELinuxOptions``."""

    level: str | None = None
    role: str | None = None
    type: str | None = None
    user: str | None = None


class SeccompProfile(Model):
    """``SeccompProfile``."""

    type: str
    localhostProfile: str | None = None


class AppArmorProfile(Model):
    """``AppArmorProfile``."""

    type: str
    localhostProfile: str | None = None


class WindowsSecurityContextOptions(Model):
    """``WindowsSecurityContextOptions``."""

    gmsaCredentialSpec: str | None = None
    gmsaCredentialSpecName: str | None = None
    hostProcess: bool | None = None
    runAsUserName: str | None = None


class Sysctl(Model):
    """``Sysctl``."""

    name: str
    value: str


class SecurityContext(Model):
    """``SecurityContext``."""

    allowPrivilegeEscalation: bool | None = None
    appArmorProfile: AppArmorProfile | None = None
    capabilities: Capabilities | None = None
    privileged: bool | None = None
    procMount: str | None = None
    readOnlyRootFilesystem: bool | None = None
    runAsGroup: Int64 | None = None
    runAsNonRoot: bool | None = None
    runAsUser: Int64 | None = None
    seLinuxOptions: SELinuxOptions | None = None
    seccompProfile: SeccompProfile | None = None
    windowsOptions: WindowsSecurityContextOptions | None = None


class PodSecurityContext(Model):
    """``PodSecurityContext``."""

    appArmorProfile: AppArmorProfile | None = None
    fsGroup: Int64 | None = None
    fsGroupChangePolicy: str | None = None
    runAsGroup: Int64 | None = None
    runAsNonRoot: bool | None = None
    runAsUser: Int64 | None = None
    seLinuxChangePolicy: str | None = None
    seLinuxOptions: SELinuxOptions | None = None
    seccompProfile: SeccompProfile | None = None
    supplementalGroups: Annotated[list[Int64] | None, ATOMIC] = None
    supplementalGroupsPolicy: str | None = None
    sysctls: Annotated[list[Sysctl] | None, ATOMIC] = None
    windowsOptions: WindowsSecurityContextOptions | None = None
