"""Tokens for the volumes of Pods, by the API's own key."""

from __future__ import annotations

from nsorch.api.access.tokens import Tokens
from nsorch.kit.ecdsa import BadKey
from nsorch.node.ports import NoToken
from nsorch.store import Store


class AccountTokens:
    """``node.ports.TokenSource``: the node asks within the daemon, with no request."""

    def __init__(self, store: Store, tokens: Tokens) -> None:
        self._store = store
        self._tokens = tokens

    def token(self, namespace: str, service_account: str, audience: str, seconds: int, pod_uid: str) -> str:
        account = self._store.get("serviceaccounts", namespace, service_account)
        if account is None:
            raise NoToken(f'failed to fetch token: serviceaccounts "{service_account}" not found')
        pod = next((one for one in self._store.list("pods", namespace) if one.uid == pod_uid), None)
        if pod is None:
            raise NoToken(f"failed to fetch token: no Pod of {namespace} has the uid {pod_uid}")
        try:
            return self._tokens.issue(account.obj, [audience] if audience else [], seconds, pod.obj)[0]
        except (OSError, BadKey) as error:
            raise NoToken(f"failed to fetch token: {error}") from error
