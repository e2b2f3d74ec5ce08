"""ServiceAccount: the identity of processes in Pods."""

from __future__ import annotations

from typing import Annotated, ClassVar

from nsorch.resources.common import LocalObjectReference, ObjectReference
from nsorch.resources.merging import ATOMIC, MERGE_BY_NAME
from nsorch.resources.meta import Resource


class ServiceAccount(Resource):
    """``ServiceAccount``."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "ServiceAccount"

    automountServiceAccountToken: bool | None = None
    imagePullSecrets: Annotated[list[LocalObjectReference] | None, ATOMIC] = None
    secrets: Annotated[list[ObjectReference] | None, MERGE_BY_NAME] = None
