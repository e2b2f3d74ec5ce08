"""Secrets of type ``kubernetes.io/service-account-token``: the older form of tokens, filled in while they are written."""

from __future__ import annotations

import base64

from nsorch.api import failures
from nsorch.api.access.tokens import Tokens
from nsorch.resources.config import Secret
from nsorch.resources.registry import Kind
from nsorch.store import Store

TYPE = "kubernetes.io/service-account-token"
NAME = "kubernetes.io/service-account.name"
UID = "kubernetes.io/service-account.uid"


def fill(store: Store, tokens: Tokens, kind: Kind[Secret], secret: Secret, ca_pem: bytes) -> None:
    """Put token, namespace and CA into a Secret of this type; Failure 403 or 422 if it names no ServiceAccount."""
    if secret.type != TYPE:
        return
    annotations = dict(secret.metadata.annotations or {})
    name = annotations.get(NAME, "")
    record = store.latest("serviceaccounts", secret.namespace, name) if name else None
    if record is None or annotations.get(UID, record.uid) != record.uid:
        raise failures.forbidden(
            kind, secret.name, f'annotation {NAME} "{name}": there is no such ServiceAccount in {secret.namespace}'
        )
    secret.metadata.annotations = annotations | {UID: record.uid}
    data = dict(secret.data or {})
    for key, value in (
        ("token", tokens.legacy(record.obj, secret).encode()),
        ("namespace", (secret.namespace or "").encode()),
        ("ca.crt", ca_pem),
    ):
        data.setdefault(key, base64.b64encode(value).decode())
    secret.data = data
