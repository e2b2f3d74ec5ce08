"""Acting as somebody else: the ``Impersonate-*`` headers, each part of the other identity authorized by itself.

Source: k8s.io/apiserver ``pkg/endpoints/filters/impersonation.go``.
"""

from __future__ import annotations

from urllib.parse import unquote

from multidict import CIMultiDictProxy

from nsorch.api import failures
from nsorch.api.access.attributes import Attributes
from nsorch.api.access.authorizer import ACCOUNT_PREFIX, Authorizer
from nsorch.api.access.refusals import forbidden
from nsorch.api.access.user import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, User

USER, GROUP, UID, EXTRA = "Impersonate-User", "Impersonate-Group", "Impersonate-Uid", "impersonate-extra-"
ACCOUNTS = "system:serviceaccounts"
_AUTHENTICATION = "authentication.k8s.io"


def impersonated(user: User, headers: CIMultiDictProxy[str], authorizer: Authorizer) -> User:
    """The user that the request acts as; Failure 400, 401 or 403."""
    name, groups, uid = headers.get(USER, ""), headers.getall(GROUP, []), headers.get(UID, "")
    extra: dict[str, list[str]] = {}
    for header, value in headers.items():
        if header.lower().startswith(EXTRA):
            extra.setdefault(unquote(header[len(EXTRA) :].lower()), []).append(value)
    if not (name or groups or uid or extra):
        return user
    if not name:
        raise failures.bad_request(
            f"requested {groups!r} {extra!r} {uid!r} without impersonating a user: header {USER} is missing"
        )
    account = account_of(name)
    _may(authorizer, user, _of_user(name))
    for group in groups:
        _may(authorizer, user, Attributes("impersonate", resource="groups", name=group))
    for key, values in extra.items():
        for value in values:
            asked = Attributes("impersonate", group=_AUTHENTICATION, resource="userextras", subresource=key, name=value)
            _may(authorizer, user, asked)
    if uid:
        _may(authorizer, user, Attributes("impersonate", group=_AUTHENTICATION, resource="uids", name=uid))
    if account is not None and not groups:
        groups = [ACCOUNTS, f"{ACCOUNTS}:{account[0]}"]
    wanted = UNAUTHENTICATED if name == ANONYMOUS.name else AUTHENTICATED
    if wanted not in groups and UNAUTHENTICATED not in groups:
        groups = [*groups, wanted]
    return User(name, tuple(groups), uid, tuple((key, tuple(values)) for key, values in extra.items()))


def account_of(name: str) -> tuple[str, str] | None:
    """Namespace and name of the ServiceAccount that a user name stands for."""
    namespace, found, account = name.removeprefix(ACCOUNT_PREFIX).partition(":")
    return (namespace, account) if name.startswith(ACCOUNT_PREFIX) and found and namespace and account else None


def _of_user(name: str) -> Attributes:
    account = account_of(name)
    if account is None:
        return Attributes("impersonate", resource="users", name=name)
    return Attributes("impersonate", resource="serviceaccounts", namespace=account[0], name=account[1])


def _may(authorizer: Authorizer, user: User, asked: Attributes) -> None:
    if not authorizer.allows(user, asked):
        raise forbidden(user, asked)
