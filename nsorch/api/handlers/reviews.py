"""Reviews: who am I, may I, may somebody, what may I do. Answered by the same rule that guards every request."""

from __future__ import annotations

from aiohttp import web

from nsorch.api import failures
from nsorch.api.access.identity import MASTERS
from nsorch.api.call import Call
from nsorch.api.content import body_type
from nsorch.api.handlers import answers
from nsorch.api.handlers.options import read_body
from nsorch.api.parsing import parse_object
from nsorch.resources.access_review import (
    NonResourceRule,
    ResourceRule,
    SelfSubjectAccessReview,
    SelfSubjectRulesReview,
    SubjectAccessReview,
    SubjectAccessReviewStatus,
    SubjectRulesReviewStatus,
)
from nsorch.resources.identity_review import SelfSubjectReview, SelfSubjectReviewStatus, UserInfo
from nsorch.resources.meta import Resource


async def review(call: Call) -> web.StreamResponse:
    """Answer a review: its status, filled in."""
    kind = call.where.kind
    obj, warnings = parse_object(
        kind, await read_body(call), body_type(call.request.headers.get("Content-Type")), "Warn"
    )
    call.warnings += warnings
    return answers.of_model(call, _answer(call, obj), 201)


def _answer(call: Call, obj: Resource) -> Resource:
    match obj:
        case SelfSubjectReview():
            info = UserInfo(username=call.user.name, groups=list(call.user.groups))
            obj.status = SelfSubjectReviewStatus(userInfo=info)
        case SelfSubjectAccessReview():
            _one_question(obj)
            obj.status = _decision(call.user.groups)
        case SubjectAccessReview():
            _one_question(obj)
            if not obj.spec.user and not obj.spec.groups:
                raise failures.bad_request("spec.user: Invalid value: at least one of user or group must be specified")
            obj.status = _decision(tuple(obj.spec.groups or ()))
        case SelfSubjectRulesReview():
            obj.status = SubjectRulesReviewStatus(incomplete=False)
            if MASTERS in call.user.groups:
                obj.status.resourceRules = [ResourceRule(verbs=["*"], apiGroups=["*"], resources=["*"])]
                obj.status.nonResourceRules = [NonResourceRule(verbs=["*"], nonResourceURLs=["*"])]
    return obj


def _one_question(obj: SelfSubjectAccessReview | SubjectAccessReview) -> None:
    if (obj.spec.resourceAttributes is None) == (obj.spec.nonResourceAttributes is None):
        raise failures.bad_request(
            "spec: Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified"
        )


def _decision(groups: tuple[str, ...]) -> SubjectAccessReviewStatus:
    if MASTERS in groups:
        return SubjectAccessReviewStatus(allowed=True, reason=f"members of {MASTERS} may do everything")
    return SubjectAccessReviewStatus(allowed=False, reason=f"only members of {MASTERS} have rights")
