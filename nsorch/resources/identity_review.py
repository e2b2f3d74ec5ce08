"""Reviews of identity (authentication.k8s.io/v1): questions that are answered and never stored."""

from __future__ import annotations

from typing import Annotated, ClassVar

from nsorch.resources.base import Model
from nsorch.resources.merging import ATOMIC
from nsorch.resources.meta import Resource


class UserInfo(Model):
    """Who a request comes from."""

    extra: dict[str, list[str]] | None = None
    groups: Annotated[list[str] | None, ATOMIC] = None
    uid: str | None = None
    username: str | None = None


class SelfSubjectReviewStatus(Model):
    """The answer to "who am I"."""

    userInfo: UserInfo | None = None


class SelfSubjectReview(Resource):
    """Asks: who am I?"""

    GROUP_VERSION: ClassVar[str] = "authentication.k8s.io/v1"
    KIND: ClassVar[str] = "SelfSubjectReview"

    status: SelfSubjectReviewStatus | None = None
