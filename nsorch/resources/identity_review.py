"""Reviews of identity (authentication.k8s.io/v1): questions that are answered and never stored."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from nsorch.resources.base import Model
from nsorch.resources.merging import ATOMIC
from nsorch.resources.meta import Resource, Time
from nsorch.resources.scalars import Int64


class UserInfo(Model):
    """Who a request comes from."""

    extra: dict[str, list[str]] | None = None
    groups: Annotated[list[str] | None, ATOMIC] = None
    uid: str | None = None
    username: str | None = None


class BoundObjectReference(Model):
    """The object with which a token ends."""

    apiVersion: str | None = None
    kind: str | None = None
    name: str | None = None
    uid: str | None = None


class TokenRequestSpec(Model):
    """Which token is wanted."""

    audiences: Annotated[list[str], ATOMIC] = Field(default_factory=list)
    boundObjectRef: BoundObjectReference | None = None
    expirationSeconds: Int64 | None = None


class TokenRequestStatus(Model):
    """The token, and when it should have been replaced."""

    expirationTimestamp: Time | None = None
    token: str = ""


class TokenRequest(Resource):
    """Asks for a token of a ServiceAccount."""

    GROUP_VERSION: ClassVar[str] = "authentication.k8s.io/v1"
    KIND: ClassVar[str] = "TokenRequest"

    spec: TokenRequestSpec
    status: TokenRequestStatus | None = None


class TokenReviewSpec(Model):
    """The token asked about."""

    audiences: Annotated[list[str] | None, ATOMIC] = None
    token: str | None = None


class TokenReviewStatus(Model):
    """Whether it is good, and whose it is."""

    audiences: Annotated[list[str] | None, ATOMIC] = None
    authenticated: bool | None = None
    error: str | None = None
    user: UserInfo | None = None


class TokenReview(Resource):
    """Asks: whose token is this?"""

    GROUP_VERSION: ClassVar[str] = "authentication.k8s.io/v1"
    KIND: ClassVar[str] = "TokenReview"

    spec: TokenReviewSpec
    status: TokenReviewStatus | None = None


class SelfSubjectReviewStatus(Model):
    """The answer to "who am I"."""

    userInfo: UserInfo | None = None


class SelfSubjectReview(Resource):
    """Asks: who am I?"""

    GROUP_VERSION: ClassVar[str] = "authentication.k8s.io/v1"
    KIND: ClassVar[str] = "SelfSubjectReview"

    status: SelfSubjectReviewStatus | None = None
