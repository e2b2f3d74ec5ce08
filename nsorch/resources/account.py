"""ServiceAccount: the identity of processes in Pods."""

from __future__ import annotations

from typing import Annotated, ClassVar

from nsorch.resources.common import LocalObjectReference, ObjectReference
from nsorch.resources.merging import ATOMIC, MERGE_BY_NAME
from nsorch.resources.meta import Resource


class ServiceAccount(Resource):
    """The identity that processes in Pods have towards the API."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "ServiceAccount"

    automountServiceAccountToken: bool | None = None
    """Whether Pods get a token mounted, unless they say otherwise."""
    imagePullSecrets: Annotated[list[LocalObjectReference] | None, ATOMIC] = None
    """Secrets for pulling the images of Pods with this account."""
    secrets: Annotated[list[ObjectReference] | None, MERGE_BY_NAME] = None
    """Secrets that Pods with this account may use."""
