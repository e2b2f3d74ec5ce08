"""Validation of security contexts."""

from __future__ import annotations

import re

from nsorch.resources import checks, names
from nsorch.resources.registry import Cause
from nsorch.resources.security import AppArmorProfile, PodSecurityContext, SeccompProfile, SecurityContext

MAX_ID = 0xFFFFFFFF
_SYSCTL = re.compile(r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?")


def validate_pod_security(context: PodSecurityContext | None, field: str) -> list[Cause]:
    """User and group numbers, sysctl names, profiles."""
    if context is None:
        return []
    causes: list[Cause] = []
    for name in ("runAsUser", "runAsGroup", "fsGroup"):
        causes += _id(getattr(context, name), f"{field}.{name}")
    for index, group in enumerate(context.supplementalGroups or ()):
        causes += _id(group, f"{field}.supplementalGroups[{index}]")
    causes += checks.one_of(f"{field}.fsGroupChangePolicy", context.fsGroupChangePolicy, ("Always", "OnRootMismatch"))
    causes += checks.one_of(f"{field}.supplementalGroupsPolicy", context.supplementalGroupsPolicy, ("Merge", "Strict"))
    sysctls = context.sysctls or []
    for index, sysctl in enumerate(sysctls):
        path = f"{field}.sysctls[{index}].name"
        if not sysctl.name:
            causes.append(checks.required(path))
        elif len(sysctl.name) > 253 or not _SYSCTL.fullmatch(sysctl.name):
            causes.append(
                checks.invalid(
                    path,
                    sysctl.name,
                    f"must have at most 253 characters and match regex ^{_SYSCTL.pattern}$",
                )
            )
    for index in checks.duplicates(sysctl.name.replace("/", ".") for sysctl in sysctls):
        causes.append(checks.duplicate(f"{field}.sysctls[{index}].name", sysctls[index].name))
    causes += _seccomp(context.seccompProfile, f"{field}.seccompProfile")
    causes += _apparmor(context.appArmorProfile, f"{field}.appArmorProfile")
    return causes


def validate_security(context: SecurityContext | None, field: str) -> list[Cause]:
    """User and group numbers, contradictions, profiles."""
    if context is None:
        return []
    causes = _id(context.runAsUser, f"{field}.runAsUser") + _id(context.runAsGroup, f"{field}.runAsGroup")
    causes += checks.one_of(f"{field}.procMount", context.procMount, ("Default", "Unmasked"))
    if context.allowPrivilegeEscalation is False:
        if context.privileged:
            causes.append(
                checks.invalid(
                    field, context, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
                )
            )
        added = (context.capabilities.add if context.capabilities is not None else None) or []
        if any(capability in ("CAP_SYS_ADMIN", "SYS_ADMIN") for capability in added):
            causes.append(
                checks.invalid(
                    field,
                    context,
                    "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN",
                )
            )
    causes += _seccomp(context.seccompProfile, f"{field}.seccompProfile")
    causes += _apparmor(context.appArmorProfile, f"{field}.appArmorProfile")
    return causes


def _id(number: int | None, field: str) -> list[Cause]:
    if number is None:
        return []
    return checks.invalid_each(field, number, names.in_range(number, 0, MAX_ID))


def _seccomp(profile: SeccompProfile | None, field: str) -> list[Cause]:
    if profile is None:
        return []
    causes = checks.one_of(f"{field}.type", profile.type, ("Localhost", "RuntimeDefault", "Unconfined"))
    return causes + _localhost(profile, field, "seccomp")


def _apparmor(profile: AppArmorProfile | None, field: str) -> list[Cause]:
    if profile is None:
        return []
    causes = checks.one_of(f"{field}.type", profile.type, ("Localhost", "RuntimeDefault", "Unconfined"))
    return causes + _localhost(profile, field, "AppArmor")


def _localhost(profile: SeccompProfile | AppArmorProfile, field: str, system: str) -> list[Cause]:
    if profile.type == "Localhost" and not profile.localhostProfile:
        return [checks.required(f"{field}.localhostProfile", f"must be set when {system} type is Localhost")]
    if profile.type != "Localhost" and profile.localhostProfile:
        return [
            checks.invalid(
                f"{field}.localhostProfile",
                profile.localhostProfile,
                f"can only be set when {system} type is Localhost",
            )
        ]
    return []
