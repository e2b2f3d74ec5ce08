"""Tokens of ServiceAccounts: requested, used, bound, reviewed, and published keys."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from nsorch.api.access.tokens import EXTENDED, EXTENDED_FROM, TokenError
from nsorch.kit import ecdsa
from nsorch.kit.clock import FakeClock
from nsorch.node.tokens import PodTokens
from tests.support.api import Answer, Cluster, cluster, pod
from tests.support.loops import on_a_loop

CORE = "/api/v1/namespaces/default"
REQUEST = f"{CORE}/serviceaccounts/default/token"


@asynccontextmanager
async def issuing(folder: Path, clock: FakeClock | None = None) -> AsyncIterator[Cluster]:
    async with cluster(folder, clock=clock) as api:
        api.server.pki.ensure()
        yield api


async def ask(api: Cluster, **spec: Any) -> Answer:
    return await api.call(
        "POST", REQUEST, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    )


def claims(token: str) -> Any:
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


@on_a_loop
async def test_a_token_is_its_account_until_it_expires(tmp_path: Path) -> None:
    clock = FakeClock()
    async with issuing(tmp_path, clock) as api:
        answer = await ask(api, expirationSeconds=600)
        assert answer.code == 201
        token = answer.body["status"]["token"]
        tokens = api.operations.context.tokens
        user = tokens.user_of(token)
        assert user is not None
        assert user.name == "system:serviceaccount:default:default"
        assert user.groups == ("system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated")
        account = (await api.call("GET", f"{CORE}/serviceaccounts/default")).body
        assert user.uid == account["metadata"]["uid"]
        head, body, signature = token.split(".")
        for bad in (f"{head}.{body}.{'A' * 86}", f"{head}.{signature}.{body}", "x", "a.b.c", token[:-8], ""):
            assert tokens.user_of(bad) is None
        clock.advance(601)
        assert tokens.user_of(token) is None
        assert (await ask(api, expirationSeconds=5)).code == 422
        assert (await ask(api, boundObjectRef={"apiVersion": "v1", "kind": "ConfigMap", "name": "x"})).code == 400
        assert (await ask(api, boundObjectRef={"apiVersion": "v1", "kind": "Pod", "name": "x"})).code == 404


@on_a_loop
async def test_a_token_ends_with_the_pod_that_it_is_bound_to(tmp_path: Path) -> None:
    async with issuing(tmp_path) as api:
        made = (await api.call("POST", f"{CORE}/pods", pod())).body
        ref = {"apiVersion": "v1", "kind": "Pod", "name": "web", "uid": made["metadata"]["uid"]}
        token = (await ask(api, boundObjectRef=ref, expirationSeconds=EXTENDED_FROM)).body["status"]["token"]
        tokens = api.operations.context.tokens
        checked = tokens.check(token)
        assert dict(checked.user.extra)["authentication.kubernetes.io/pod-name"] == ("web",)
        assert claims(token)["exp"] - claims(token)["iat"] == EXTENDED
        assert (await ask(api, boundObjectRef={**ref, "uid": "other"})).code == 409
        await api.call("DELETE", f"{CORE}/pods/web?gracePeriodSeconds=0")
        with pytest.raises(TokenError, match="bound to is gone"):
            tokens.check(token)


@on_a_loop
async def test_reviews_and_audiences(tmp_path: Path) -> None:
    async with issuing(tmp_path) as api:
        token = (await ask(api, audiences=["vault"])).body["status"]["token"]

        async def review(**spec: Any) -> Any:
            body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
            return (await api.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body)).body["status"]

        good = await review(token=token, audiences=["vault", "other"])
        assert (good["authenticated"], good["audiences"]) == (True, ["vault"])
        assert good["user"]["username"] == "system:serviceaccount:default:default"
        assert "target audiences" in (await review(token=token))["error"]
        assert api.operations.context.tokens.user_of(token) is None


@on_a_loop
async def test_anybody_can_check_a_token_with_the_published_keys(tmp_path: Path) -> None:
    async with issuing(tmp_path) as api:
        token = (await ask(api)).body["status"]["token"]
        found = (await api.call("GET", "/.well-known/openid-configuration")).body
        assert found["issuer"] == claims(token)["iss"] == claims(token)["aud"][0]
        (key,) = (await api.call("GET", "/openid/v1/jwks")).body["keys"]

        def number(text: str) -> int:
            return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")

        public = ec.EllipticCurvePublicNumbers(number(key["x"]), number(key["y"]), ec.SECP256R1()).public_key()
        signed, _, text = token.rpartition(".")
        raw = base64.urlsafe_b64decode(text + "==")
        signature = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        public.verify(signature, signed.encode(), ec.ECDSA(hashes.SHA256()))


@on_a_loop
async def test_the_older_secrets(tmp_path: Path) -> None:
    async with issuing(tmp_path) as api:
        body = {
            "metadata": {"name": "old", "annotations": {"kubernetes.io/service-account.name": "default"}},
            "type": "kubernetes.io/service-account-token",
        }
        data = (await api.call("POST", f"{CORE}/secrets", body)).body["data"]
        token = base64.b64decode(data["token"]).decode()
        tokens = api.operations.context.tokens
        assert tokens.check(token).user.name == "system:serviceaccount:default:default"
        assert b"BEGIN CERTIFICATE" in base64.b64decode(data["ca.crt"])
        await api.call("DELETE", f"{CORE}/secrets/old")
        assert tokens.user_of(token) is None
        body["metadata"]["annotations"] = {"kubernetes.io/service-account.name": "ghost"}  # type: ignore[index]
        assert (await api.call("POST", f"{CORE}/secrets", body)).code == 403


@on_a_loop
async def test_pods_get_the_volume_unless_they_say_no(tmp_path: Path) -> None:
    async with issuing(tmp_path) as api:
        spec = (await api.call("POST", f"{CORE}/pods", pod())).body["spec"]
        (volume,) = spec["volumes"]
        assert volume["name"].startswith("kube-api-access-")
        assert [next(iter(source)) for source in volume["projected"]["sources"]] == [
            "serviceAccountToken",
            "configMap",
            "downwardAPI",
        ]
        (mount,) = spec["containers"][0]["volumeMounts"]
        assert mount == {
            "name": volume["name"],
            "readOnly": True,
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
        }
        no = (await api.call("POST", f"{CORE}/pods", pod("no", automountServiceAccountToken=False))).body["spec"]
        assert "volumes" not in no
        change = {"automountServiceAccountToken": False}
        await api.call("PATCH", f"{CORE}/serviceaccounts/default", change, type="application/merge-patch+json")
        assert "volumes" not in (await api.call("POST", f"{CORE}/pods", pod("none"))).body["spec"]
        yes = (await api.call("POST", f"{CORE}/pods", pod("yes", automountServiceAccountToken=True))).body["spec"]
        assert yes["volumes"]


@on_a_loop
async def test_tokens_in_pods_are_renewed_in_time() -> None:
    clock = FakeClock()
    poked: list[str] = []
    made: list[str] = []

    class Source:
        def token(self, namespace: str, service_account: str, audience: str, seconds: int, pod_uid: str) -> str:
            made.append(pod_uid)
            return f"{pod_uid}-{len(made)}"

    tokens = PodTokens(Source(), clock, poked.append)

    def get() -> str:
        return tokens.token("default", "default", "", 3600, "a")

    assert get() == get() == "a-1"
    clock.advance(2000)
    tokens.renew()
    assert (get(), poked) == ("a-1", [])
    clock.advance(900)
    tokens.renew()
    assert poked == ["a"]
    assert get() == "a-2"
    tokens.forget("a")
    clock.advance(9999)
    tokens.renew()
    assert poked == ["a"]
    tokens.close()


def test_keys_of_other_kinds_are_refused() -> None:
    with pytest.raises(ecdsa.BadKey):
        ecdsa.load("nonsense")
    with pytest.raises(ecdsa.BadKey):
        ecdsa.load(base64.b64encode(b"nonsense").decode())
