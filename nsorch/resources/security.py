"""Security contexts of Pods and containers: users, capabilities, seccomp, SELinux, sysctls."""

from __future__ import annotations

from typing import Annotated

from nsorch.resources.base import Model
from nsorch.resources.merging import ATOMIC
from nsorch.resources.scalars import Int64


class Capabilities(Model):
    """Capabilities of Linux added to or dropped from the default set."""

    add: Annotated[list[str] | None, ATOMIC] = None
    """Capabilities to add, without CAP_; ALL for all of them."""
    drop: Annotated[list[str] | None, ATOMIC] = None
    """Capabilities to drop, without CAP_; ALL for all of them."""


class SELinuxOptions(Model):
    """The SELinux label of a container."""

    level: str | None = None
    role: str | None = None
    type: str | None = None
    user: str | None = None


class SeccompProfile(Model):
    """Which system calls a container may make."""

    type: str
    """RuntimeDefault, Unconfined or Localhost."""
    localhostProfile: str | None = None
    """The profile on the node; only with type Localhost."""


class AppArmorProfile(Model):
    """Which AppArmor profile confines a container."""

    type: str
    """RuntimeDefault, Unconfined or Localhost."""
    localhostProfile: str | None = None
    """The profile on the node; only with type Localhost."""


class WindowsSecurityContextOptions(Model):
    """Security settings for Windows; stored only."""

    gmsaCredentialSpec: str | None = None
    gmsaCredentialSpecName: str | None = None
    hostProcess: bool | None = None
    runAsUserName: str | None = None


class Sysctl(Model):
    """A kernel parameter of the Pod's namespaces."""

    name: str
    """The parameter, such as net.core.somaxconn."""
    value: str
    """Its value."""


class SecurityContext(Model):
    """Privileges of one container; wins over those of the Pod."""

    allowPrivilegeEscalation: bool | None = None
    """Whether a process can gain more rights than its parent."""
    appArmorProfile: AppArmorProfile | None = None
    """The AppArmor profile; needs AppArmor on the node."""
    capabilities: Capabilities | None = None
    """Capabilities to add and drop."""
    privileged: bool | None = None
    """Whether the container has all rights of root on the host."""
    procMount: str | None = None
    """Default, or Unmasked for an unrestricted /proc."""
    readOnlyRootFilesystem: bool | None = None
    """Whether the container's own root is read-only."""
    runAsGroup: Int64 | None = None
    """The group number of the first process."""
    runAsNonRoot: bool | None = None
    """Refuse to start as user 0."""
    runAsUser: Int64 | None = None
    """The user number of the first process; the image's own if not set."""
    seLinuxOptions: SELinuxOptions | None = None
    """The SELinux label to use."""
    seccompProfile: SeccompProfile | None = None
    """Which system calls are allowed."""
    windowsOptions: WindowsSecurityContextOptions | None = None
    """Settings for Windows; stored only."""


class PodSecurityContext(Model):
    """Privileges that all containers of the Pod share."""

    appArmorProfile: AppArmorProfile | None = None
    """The AppArmor profile; needs AppArmor on the node."""
    fsGroup: Int64 | None = None
    """The group that owns the Pod's volumes."""
    fsGroupChangePolicy: str | None = None
    """Always (the default) or OnRootMismatch."""
    runAsGroup: Int64 | None = None
    """The group number of the first process."""
    runAsNonRoot: bool | None = None
    """Refuse to start as user 0."""
    runAsUser: Int64 | None = None
    """The user number of the first process; the image's own if not set."""
    seLinuxChangePolicy: str | None = None
    seLinuxOptions: SELinuxOptions | None = None
    """The SELinux label to use."""
    seccompProfile: SeccompProfile | None = None
    """Which system calls are allowed."""
    supplementalGroups: Annotated[list[Int64] | None, ATOMIC] = None
    """Further groups of the first processes."""
    supplementalGroupsPolicy: str | None = None
    """Merge (the default) or Strict."""
    sysctls: Annotated[list[Sysctl] | None, ATOMIC] = None
    """Kernel parameters of the Pod's namespaces."""
    windowsOptions: WindowsSecurityContextOptions | None = None
    """Settings for Windows; stored only."""
