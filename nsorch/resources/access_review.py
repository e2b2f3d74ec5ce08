"""Reviews of access (authorization.k8s.io/v1): questions that are answered and never stored."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from nsorch.resources.base import Model
from nsorch.resources.common import LabelSelectorRequirement
from nsorch.resources.merging import ATOMIC
from nsorch.resources.meta import Resource


class FieldSelectorRequirement(Model):
    """One requirement of a field selector."""

    key: str
    operator: str
    values: Annotated[list[str] | None, ATOMIC] = None


class FieldSelectorAttributes(Model):
    """The field selector of the request asked about."""

    rawSelector: str | None = None
    requirements: Annotated[list[FieldSelectorRequirement] | None, ATOMIC] = None


class LabelSelectorAttributes(Model):
    """The label selector of the request asked about."""

    rawSelector: str | None = None
    requirements: Annotated[list[LabelSelectorRequirement] | None, ATOMIC] = None


class ResourceAttributes(Model):
    """A request for an object; "*" means all."""

    fieldSelector: FieldSelectorAttributes | None = None
    group: str | None = None
    labelSelector: LabelSelectorAttributes | None = None
    name: str | None = None
    namespace: str | None = None
    resource: str | None = None
    subresource: str | None = None
    verb: str | None = None
    version: str | None = None


class NonResourceAttributes(Model):
    """A request for a path that is no object."""

    path: str | None = None
    verb: str | None = None


class SubjectAccessReviewStatus(Model):
    """The answer: allowed or not, and why."""

    allowed: bool
    denied: bool | None = None
    evaluationError: str | None = None
    reason: str | None = None


class SelfSubjectAccessReviewSpec(Model):
    """What I would do: exactly one of the two."""

    nonResourceAttributes: NonResourceAttributes | None = None
    resourceAttributes: ResourceAttributes | None = None


class SelfSubjectAccessReview(Resource):
    """Asks: may I?"""

    GROUP_VERSION: ClassVar[str] = "authorization.k8s.io/v1"
    KIND: ClassVar[str] = "SelfSubjectAccessReview"

    spec: SelfSubjectAccessReviewSpec
    status: SubjectAccessReviewStatus | None = None


class SubjectAccessReviewSpec(Model):
    """What somebody would do."""

    extra: dict[str, list[str]] | None = None
    groups: Annotated[list[str] | None, ATOMIC] = None
    nonResourceAttributes: NonResourceAttributes | None = None
    resourceAttributes: ResourceAttributes | None = None
    uid: str | None = None
    user: str | None = None


class SubjectAccessReview(Resource):
    """Asks: may somebody?"""

    GROUP_VERSION: ClassVar[str] = "authorization.k8s.io/v1"
    KIND: ClassVar[str] = "SubjectAccessReview"

    spec: SubjectAccessReviewSpec
    status: SubjectAccessReviewStatus | None = None


class LocalSubjectAccessReview(Resource):
    """Asks, in one namespace: may somebody?"""

    GROUP_VERSION: ClassVar[str] = "authorization.k8s.io/v1"
    KIND: ClassVar[str] = "LocalSubjectAccessReview"

    spec: SubjectAccessReviewSpec
    status: SubjectAccessReviewStatus | None = None


class SelfSubjectRulesReviewSpec(Model):
    """The namespace asked about."""

    namespace: str | None = None


class ResourceRule(Model):
    """Verbs allowed on resources."""

    apiGroups: Annotated[list[str] | None, ATOMIC] = None
    resourceNames: Annotated[list[str] | None, ATOMIC] = None
    resources: Annotated[list[str] | None, ATOMIC] = None
    verbs: Annotated[list[str], ATOMIC]


class NonResourceRule(Model):
    """Verbs allowed on paths."""

    nonResourceURLs: Annotated[list[str] | None, ATOMIC] = None
    verbs: Annotated[list[str], ATOMIC]


class SubjectRulesReviewStatus(Model):
    """Everything that is allowed."""

    evaluationError: str | None = None
    incomplete: bool
    nonResourceRules: Annotated[list[NonResourceRule], ATOMIC] = Field(default_factory=list)
    resourceRules: Annotated[list[ResourceRule], ATOMIC] = Field(default_factory=list)


class SelfSubjectRulesReview(Resource):
    """Asks: what may I do in a namespace?"""

    GROUP_VERSION: ClassVar[str] = "authorization.k8s.io/v1"
    KIND: ClassVar[str] = "SelfSubjectRulesReview"

    spec: SelfSubjectRulesReviewSpec
    status: SubjectRulesReviewStatus | None = None
