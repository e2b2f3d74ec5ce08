"""ServiceAccount tokens: JSON Web Tokens that the cluster signs and, with the objects that they are bound to still
there, takes for who they say.

Source: kubernetes ``pkg/serviceaccount/claims.go``, ``pkg/serviceaccount/openidmetadata.go``; RFC 7515, RFC 7517.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nsorch.api.access.authorizer import ACCOUNT_PREFIX
from nsorch.api.access.impersonation import ACCOUNTS
from nsorch.api.access.user import AUTHENTICATED, User
from nsorch.kit import ecdsa
from nsorch.kit.clock import Clock
from nsorch.resources.meta import Resource
from nsorch.store import Store

SHORTEST = 600
LONGEST = 1 << 32
EXTENDED_FROM = 3607
"""Seconds that the tokens of ``kube-api-access`` volumes are asked for. As in Kubernetes such a token lives a year, for
clients that never read the file again; it is renewed in the Pod as if it lived for these."""
EXTENDED = 365 * 86400
KEPT = 1000
"""Signatures remembered as good."""
_PLURALS = {"pod": "pods", "secret": "secrets", "node": "nodes"}
_PRIVATE = "kubernetes.io"


class TokenError(Exception):
    """A token is not taken; the message says why."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a good token says."""

    user: User
    audiences: tuple[str, ...]


class Tokens:
    """Signs with the key in ``key_file``, which is read on first use."""

    def __init__(self, store: Store, clock: Clock, key_file: Path, cluster_domain: str) -> None:
        self._store = store
        self._clock = clock
        self._key_file = key_file
        self.issuer = f"https://kubernetes.default.svc.{cluster_domain}"
        self._good: dict[str, dict[str, Any]] = {}

    @functools.cached_property
    def _key(self) -> ecdsa.Key:
        return ecdsa.load(self._key_file.read_text())

    @functools.cached_property
    def _key_id(self) -> str:
        return _encode(hashlib.sha256(self._key.public).digest())

    def issue(
        self, account: Resource, audiences: Sequence[str], seconds: int, bound: Resource | None = None
    ) -> tuple[str, int]:
        """A token, and the time (seconds) at which it should have been replaced."""
        now = int(self._clock.time())
        audiences = list(audiences) or [self.issuer]
        private: dict[str, Any] = {
            "namespace": account.namespace,
            "serviceaccount": {"name": account.name, "uid": account.uid},
        }
        lives = seconds
        if bound is not None:
            private[bound.KIND.lower()] = {"name": bound.name, "uid": bound.uid}
            node = getattr(getattr(bound, "spec", None), "nodeName", None) if bound.KIND == "Pod" else None
            found = self._store.get("nodes", None, node) if node else None
            if found is not None:
                private["node"] = {"name": found.name, "uid": found.uid}
            if bound.KIND == "Pod" and seconds == EXTENDED_FROM and audiences == [self.issuer]:
                lives = EXTENDED
                private["warnafter"] = now + seconds
        claims = {
            "aud": audiences,
            "exp": now + lives,
            "iat": now,
            "iss": self.issuer,
            "jti": str(uuid.uuid4()),
            _PRIVATE: private,
            "nbf": now,
            "sub": f"{ACCOUNT_PREFIX}{account.namespace}:{account.name}",
        }
        return self._signed(claims), now + seconds

    def legacy(self, account: Resource, secret: Resource) -> str:
        """The token of a Secret of type ``kubernetes.io/service-account-token``: it never expires."""
        prefix = "kubernetes.io/serviceaccount/"
        return self._signed(
            {
                "iss": "kubernetes/serviceaccount",
                f"{prefix}namespace": account.namespace,
                f"{prefix}secret.name": secret.name,
                f"{prefix}service-account.name": account.name,
                f"{prefix}service-account.uid": account.uid,
                "sub": f"{ACCOUNT_PREFIX}{account.namespace}:{account.name}",
            }
        )

    def user_of(self, token: str) -> User | None:
        """The user of a token that is meant for this API; None if it is no good."""
        try:
            return self.check(token).user
        except TokenError:
            return None

    def check(self, token: str, audiences: Sequence[str] = ()) -> Checked:
        """Who the token is, and for which of the audiences (none given: the API itself); TokenError."""
        claims = self._claims(token)
        if claims.get("iss") == "kubernetes/serviceaccount":
            return self._check_legacy(claims, token, audiences)
        now = self._clock.time()
        if claims.get("iss") != self.issuer:
            raise TokenError("invalid issuer")
        if now >= claims.get("exp", 0):
            raise TokenError("token has expired")
        if now < claims.get("nbf", 0) - 10:
            raise TokenError("token is not valid yet")
        meant = [one for one in (audiences or [self.issuer]) if one in claims.get("aud", ())]
        if not meant:
            raise TokenError(f"token audiences {claims.get('aud')} is invalid for the target audiences")
        private = claims[_PRIVATE]
        namespace, account = private["namespace"], private["serviceaccount"]
        self._must_live("serviceaccounts", namespace, account)
        extra = [("authentication.kubernetes.io/credential-id", (f"JTI={claims['jti']}",))]
        for kind, plural in _PLURALS.items():
            bound = private.get(kind)
            if bound is None:
                continue
            if kind != "node" or "pod" not in private:
                self._must_live(plural, None if kind == "node" else namespace, bound)
            if kind != "secret":
                extra.append((f"authentication.kubernetes.io/{kind}-name", (bound["name"],)))
                extra.append((f"authentication.kubernetes.io/{kind}-uid", (bound["uid"],)))
        return Checked(_user(namespace, account["name"], account["uid"], tuple(sorted(extra))), tuple(meant))

    def _check_legacy(self, claims: dict[str, Any], token: str, audiences: Sequence[str]) -> Checked:
        if audiences and self.issuer not in audiences:
            raise TokenError("token is not meant for these audiences")
        prefix = "kubernetes.io/serviceaccount/"
        namespace, name = claims[f"{prefix}namespace"], claims[f"{prefix}service-account.name"]
        uid = claims[f"{prefix}service-account.uid"]
        self._must_live("serviceaccounts", namespace, {"name": name, "uid": uid})
        record = self._store.get("secrets", namespace, claims[f"{prefix}secret.name"])
        data = (getattr(record.obj, "data", None) or {}) if record is not None else {}
        if record is None or record.obj.terminating or base64.b64decode(data.get("token", "")) != token.encode():
            raise TokenError("token has been invalidated: its Secret is gone")
        return Checked(_user(namespace, name, uid, ()), (self.issuer,))

    def _must_live(self, plural: str, namespace: str | None, what: dict[str, str]) -> None:
        record = self._store.get(plural, namespace, what["name"])
        if record is None or record.uid != what["uid"]:
            raise TokenError(f"{plural} {what['name']} that the token is bound to is gone")

    def _claims(self, token: str) -> dict[str, Any]:
        """The claims of a token whose signature is good."""
        known = self._good.get(token)
        if known is not None:
            return known
        signed, _, signature = token.rpartition(".")
        head, _, body = signed.partition(".")
        try:
            header, claims = json.loads(_decode(head)), json.loads(_decode(body))
            good = header.get("alg") == "ES256" and self._key.verify(signed.encode(), _decode(signature))
        except (ValueError, AttributeError, RecursionError) as error:
            raise TokenError("invalid bearer token") from error
        if not good or not isinstance(claims, dict):
            raise TokenError("invalid bearer token: signature does not match")
        if len(self._good) >= KEPT:
            self._good.clear()
        self._good[token] = claims
        return claims

    def _signed(self, claims: dict[str, Any]) -> str:
        header = {"alg": "ES256", "kid": self._key_id}
        signed = f"{_encode(_json(header))}.{_encode(_json(claims))}"
        return f"{signed}.{_encode(self._key.sign(signed.encode()))}"

    # OpenID Connect discovery, for whoever else shall take the tokens.

    def metadata(self) -> dict[str, Any]:
        """``/.well-known/openid-configuration``."""
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/openid/v1/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }

    def key_set(self) -> dict[str, Any]:
        """``/openid/v1/jwks``."""
        x, y = ecdsa.coordinates(self._key.public)
        public = {"use": "sig", "kty": "EC", "kid": self._key_id, "crv": "P-256", "alg": "ES256"}
        return {"keys": [public | {"x": _encode(x), "y": _encode(y)}]}


def _user(namespace: str, name: str, uid: str, extra: tuple[tuple[str, tuple[str, ...]], ...]) -> User:
    groups = (ACCOUNTS, f"{ACCOUNTS}:{namespace}", AUTHENTICATED)
    return User(f"{ACCOUNT_PREFIX}{namespace}:{name}", groups, uid, extra)


def _json(data: dict[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
