"""Reviews: who am I, may I, may somebody, what may I do. Answered by the same rules that guard every request."""

from __future__ import annotations

from aiohttp import web

from nsorch.api import failures
from nsorch.api.access.attributes import Attributes
from nsorch.api.access.tokens import TokenError
from nsorch.api.access.user import User
from nsorch.api.call import Call
from nsorch.api.content import body_type
from nsorch.api.handlers import answers
from nsorch.api.handlers.options import read_body
from nsorch.api.parsing import parse_object
from nsorch.resources.access_review import (
    LocalSubjectAccessReview,
    NonResourceAttributes,
    NonResourceRule,
    ResourceAttributes,
    ResourceRule,
    SelfSubjectAccessReview,
    SelfSubjectRulesReview,
    SubjectAccessReview,
    SubjectAccessReviewSpec,
    SubjectAccessReviewStatus,
    SubjectRulesReviewStatus,
)
from nsorch.resources.identity_review import (
    SelfSubjectReview,
    SelfSubjectReviewStatus,
    TokenReview,
    TokenReviewSpec,
    TokenReviewStatus,
    UserInfo,
)
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
            obj.status = SelfSubjectReviewStatus(userInfo=user_info(call.user))
        case TokenReview():
            obj.status = _token(call, obj.spec)
        case SelfSubjectAccessReview():
            obj.status = _decision(call, call.user, obj.spec.resourceAttributes, obj.spec.nonResourceAttributes)
        case SubjectAccessReview():
            obj.status = _of_somebody(call, obj.spec)
        case LocalSubjectAccessReview():
            asked = obj.spec.resourceAttributes
            if asked is None:
                raise failures.bad_request(
                    "spec.resourceAttributes: Required value: a local review is about a resource"
                )
            if (asked.namespace or "") != call.where.namespace:
                raise failures.bad_request(
                    f'spec.resourceAttributes.namespace: Invalid value: "{asked.namespace or ""}": '
                    f"must match metadata.namespace: {call.where.namespace}"
                )
            obj.metadata.namespace = call.where.namespace
            obj.status = _of_somebody(call, obj.spec)
        case SelfSubjectRulesReview():
            if not obj.spec.namespace:
                raise failures.bad_request("no namespace on request")
            obj.status = _rules(call, obj.spec.namespace)
    return obj


def _token(call: Call, spec: TokenReviewSpec) -> TokenReviewStatus:
    if not spec.token:
        raise failures.bad_request("token is required for TokenReview in authentication")
    try:
        found = call.api.operations.context.tokens.check(spec.token, spec.audiences or ())
    except TokenError as error:
        return TokenReviewStatus(authenticated=False, error=str(error))
    return TokenReviewStatus(authenticated=True, user=user_info(found.user), audiences=list(found.audiences))


def user_info(user: User) -> UserInfo:
    """A user as the API shows it."""
    return UserInfo(
        username=user.name,
        uid=user.uid or None,
        groups=list(user.groups) or None,
        extra={key: list(values) for key, values in user.extra} or None,
    )


def _of_somebody(call: Call, spec: SubjectAccessReviewSpec) -> SubjectAccessReviewStatus:
    if not spec.user and not spec.groups:
        raise failures.bad_request("spec.user: Invalid value: at least one of user or group must be specified")
    somebody = User(spec.user or "", tuple(spec.groups or ()), spec.uid or "")
    return _decision(call, somebody, spec.resourceAttributes, spec.nonResourceAttributes)


def _decision(
    call: Call, user: User, resource: ResourceAttributes | None, path: NonResourceAttributes | None
) -> SubjectAccessReviewStatus:
    if resource is not None and path is None:
        asked = Attributes(
            resource.verb or "",
            "",
            resource.group or "",
            resource.resource or "*",
            resource.subresource or "",
            resource.namespace or "",
            resource.name or "",
        )
    elif path is not None and resource is None:
        asked = Attributes(path.verb or "", path.path or "")
    else:
        raise failures.bad_request(
            "spec: Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified"
        )
    reason = call.api.operations.context.authorizer.why(user, asked)
    return SubjectAccessReviewStatus(allowed=reason is not None, reason=reason)


def _rules(call: Call, namespace: str) -> SubjectRulesReviewStatus:
    status = SubjectRulesReviewStatus(incomplete=False)
    for rule in call.api.operations.context.authorizer.rules(call.user, namespace):
        if rule.nonResourceURLs:
            status.nonResourceRules.append(NonResourceRule(verbs=rule.verbs, nonResourceURLs=rule.nonResourceURLs))
        if rule.resources:
            status.resourceRules.append(
                ResourceRule(
                    verbs=rule.verbs,
                    apiGroups=rule.apiGroups,
                    resources=rule.resources,
                    resourceNames=rule.resourceNames,
                )
            )
    return status
