"""Tokens: ``serviceaccounts/token``, and the documents by which others can check them."""

from __future__ import annotations

import json

from aiohttp import web

from nsorch.api import failures
from nsorch.api.access.tokens import LONGEST, SHORTEST
from nsorch.api.call import Call
from nsorch.api.handlers import answers
from nsorch.api.handlers.options import write_options
from nsorch.api.handlers.subresources import read
from nsorch.kit.clock import rfc3339
from nsorch.resources.identity_review import TokenRequest, TokenRequestStatus
from nsorch.resources.meta import Resource
from nsorch.resources.registry import Cause

_BOUND = {("v1", "Pod"): "pods", ("v1", "Secret"): "secrets", ("v1", "Node"): "nodes"}


async def request(call: Call) -> web.StreamResponse:
    """A token of the ServiceAccount, bound to another object if the request says so."""
    where, ctx = call.where, call.api.operations.context
    write_options(call)
    wanted = await read(call, TokenRequest)
    account = call.api.operations.get(where.kind, where.namespace, where.name).obj
    spec = wanted.spec
    seconds = 3600 if spec.expirationSeconds is None else spec.expirationSeconds
    if not SHORTEST <= seconds <= LONGEST:
        why = (
            "may not specify a duration less than 10 minutes"
            if seconds < SHORTEST
            else "may not specify a duration larger than 2^32 seconds"
        )
        cause = Cause("FieldValueInvalid", "spec.expirationSeconds", f"Invalid value: {seconds}: {why}")
        raise failures.invalid(where.kind, where.name, [cause])
    audiences = spec.audiences or [ctx.tokens.issuer]
    token, replaced_at = ctx.tokens.issue(account, audiences, seconds, _bound(call, wanted))
    wanted.metadata.name, wanted.metadata.namespace = where.name, where.namespace
    spec.audiences, spec.expirationSeconds = list(audiences), seconds
    wanted.status = TokenRequestStatus(token=token, expirationTimestamp=rfc3339(replaced_at))
    return answers.of_model(call, wanted, 201)


def _bound(call: Call, wanted: TokenRequest) -> Resource | None:
    ref = wanted.spec.boundObjectRef
    if ref is None:
        return None
    plural = _BOUND.get((ref.apiVersion or "", ref.kind or ""))
    if plural is None:
        raise failures.bad_request(f"cannot bind token to object of type {ref.apiVersion}, Kind={ref.kind}")
    kind = call.api.registry.at("", "v1", plural)
    assert kind is not None
    found = call.api.operations.get(kind, call.where.namespace if kind.namespaced else None, ref.name or "").obj
    if ref.uid and ref.uid != found.uid:
        raise failures.conflict(
            kind,
            found.name,
            f"the UID in the bound object reference ({ref.uid}) does not match the UID in record "
            f"({found.uid}). The object might have been deleted and then recreated",
        )
    account = getattr(getattr(found, "spec", None), "serviceAccountName", None)
    if plural == "pods" and account != call.where.name:
        raise failures.bad_request(
            f"cannot bind token for serviceaccount {call.where.name} to pod running with different serviceaccount name."
        )
    return found


async def metadata(call: Call) -> web.StreamResponse:
    body = json.dumps(call.api.operations.context.tokens.metadata()).encode()
    return web.Response(
        body=body, headers={"Content-Type": "application/json", "Cache-Control": "public, max-age=3600"}
    )


async def key_set(call: Call) -> web.StreamResponse:
    body = json.dumps(call.api.operations.context.tokens.key_set()).encode()
    headers = {"Content-Type": "application/jwk-set+json", "Cache-Control": "public, max-age=3600"}
    return web.Response(body=body, headers=headers)
