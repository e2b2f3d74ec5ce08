"""Warnings about what confines containers on other systems: AppArmor, SELinux, Windows."""

from __future__ import annotations

from collections.abc import Iterator

from nsorch.resources.effects import NO_EFFECT
from nsorch.resources.security import PodSecurityContext, SecurityContext


def confinement_warnings(context: PodSecurityContext | SecurityContext, field: str) -> Iterator[str]:
    """Texts about the fields that the security contexts of Pods and of containers share."""
    apparmor, seccomp = context.appArmorProfile, context.seccompProfile
    if apparmor is not None and apparmor.type != "Unconfined":
        yield f"{field}.appArmorProfile: {NO_EFFECT}: AppArmor profiles are not loaded"
    if context.seLinuxOptions is not None:
        yield f"{field}.seLinuxOptions: {NO_EFFECT}: SELinux labels are not set"
    if context.windowsOptions is not None:
        yield f"{field}.windowsOptions: {NO_EFFECT}: the node runs Linux"
    if seccomp is not None and seccomp.type == "Localhost":
        yield f"{field}.seccompProfile: profiles of type Localhost cannot be loaded on this cluster; containers wait"
