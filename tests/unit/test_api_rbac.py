"""Authorization: rules, bindings, escalation, aggregation, impersonation, reviews."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from nsorch.api.access.attributes import Attributes, of_request
from nsorch.api.access.bootstrap import bootstrap
from nsorch.api.access.rules import RuleSet, uncovered
from nsorch.resources.rbac import PolicyRule
from tests.support.api import Answer, Cluster, add_namespace, cluster, configmap
from tests.support.loops import on_a_loop

RBAC = "/apis/rbac.authorization.k8s.io/v1"
CORE = "/api/v1/namespaces/default"


@asynccontextmanager
async def guarded(folder: Path) -> AsyncIterator[Cluster]:
    async with cluster(folder) as api:
        await add_namespace(api.client, "kube-system")
        await bootstrap(api.client)
        yield api


async def as_user(api: Cluster, user: str, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    return await api.call(method, path, body, **{"Impersonate-User": user, **headers})


def role(name: str, *rules: dict[str, Any], kind: str = "Role") -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "rules": list(rules),
    }


def binding(name: str, ref: str, user: str, kind: str = "RoleBinding") -> dict[str, Any]:
    ref_kind, _, ref_name = ref.partition("/")
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": ref_kind, "name": ref_name},
        "subjects": [{"kind": "User", "name": user}],
    }


READ_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}


@pytest.mark.parametrize(
    ("method", "path", "wanted"),
    [
        ("GET", "/healthz", Attributes("get", "/healthz")),
        ("GET", "/api/v1", Attributes("get", "/api/v1")),
        ("GET", "/api/v1/nodes", Attributes("list", "/api/v1/nodes", "", "nodes")),
        ("GET", "/api/v1/namespaces/a", Attributes("get", "/api/v1/namespaces/a", "", "namespaces", "", "a", "a")),
        (
            "PUT",
            "/api/v1/namespaces/a/finalize",
            Attributes("update", "/api/v1/namespaces/a/finalize", "", "namespaces", "finalize", "a", "a"),
        ),
        (
            "POST",
            "/api/v1/namespaces/a/pods/b/exec",
            Attributes("create", "/api/v1/namespaces/a/pods/b/exec", "", "pods", "exec", "a", "b"),
        ),
        (
            "DELETE",
            "/apis/apps/v1/namespaces/a/deployments",
            Attributes("deletecollection", "/apis/apps/v1/namespaces/a/deployments", "apps", "deployments", "", "a"),
        ),
    ],
)
def test_requests_as_attributes(method: str, path: str, wanted: Attributes) -> None:
    assert of_request(method, path) == wanted


def test_rules() -> None:
    rules = RuleSet(
        [
            PolicyRule(apiGroups=["", "apps"], resources=["pods", "*/scale"], verbs=["get"]),
            PolicyRule(apiGroups=[""], resources=["secrets"], resourceNames=["mine"], verbs=["*"]),
            PolicyRule(nonResourceURLs=["/metrics", "/logs/*"], verbs=["get"]),
        ]
    )

    def allows(verb: str, group: str, resource: str, name: str = "") -> bool:
        plural, _, sub = resource.partition("/")
        return rules.allows(Attributes(verb, "", group, plural, sub, "default", name))

    assert allows("get", "", "pods", "any")
    assert not allows("list", "", "pods")
    assert not allows("get", "", "pods/log")
    assert allows("get", "apps", "deployments/scale")
    assert not allows("get", "batch", "jobs/scale")
    assert allows("delete", "", "secrets", "mine")
    assert not allows("list", "", "secrets")
    assert rules.allows(Attributes("get", "/logs/x"))
    assert not rules.allows(Attributes("get", "/metrics/x"))
    assert not rules.allows(Attributes("post", "/metrics"))


def test_wishes_that_are_not_covered() -> None:
    held = [PolicyRule(apiGroups=[""], resources=["pods"], verbs=["get", "list"])]
    assert not uncovered(held, [PolicyRule(apiGroups=[""], resources=["pods"], verbs=["get"])])
    assert not uncovered(held, [PolicyRule(apiGroups=[""], resources=["pods"], resourceNames=["a"], verbs=["get"])])
    for wish in (
        PolicyRule(apiGroups=[""], resources=["pods"], verbs=["*"]),
        PolicyRule(apiGroups=[""], resources=["*"], verbs=["get"]),
        PolicyRule(apiGroups=["*"], resources=["pods"], verbs=["get"]),
        PolicyRule(nonResourceURLs=["/x"], verbs=["get"]),
    ):
        assert uncovered(held, [wish])


@on_a_loop
async def test_a_user_may_what_bindings_give(tmp_path: Path) -> None:
    async with guarded(tmp_path) as api:
        refused = await as_user(api, "jane", "GET", f"{CORE}/pods")
        assert (refused.code, refused.body["reason"]) == (403, "Forbidden")
        assert refused.body["message"] == (
            'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"'
        )
        assert (await as_user(api, "jane", "GET", "/nsorch/x")).body["message"] == (
            'forbidden: User "jane" cannot get path "/nsorch/x"'
        )
        named = await as_user(api, "jane", "GET", "/apis/apps/v1/namespaces/default/deployments/web")
        assert named.body["message"].startswith('deployments.apps "web" is forbidden: User "jane" cannot get resource')
        assert named.body["details"] == {"name": "web", "group": "apps", "kind": "deployments"}
        assert "at the cluster scope" in (await as_user(api, "jane", "GET", "/api/v1/nodes")).body["message"]
        assert (await as_user(api, "jane", "GET", "/apis")).code == 200

        await api.call("POST", f"{RBAC}/namespaces/default/roles", role("reader", READ_PODS))
        await api.call("POST", f"{RBAC}/namespaces/default/rolebindings", binding("jane", "Role/reader", "jane"))
        assert (await as_user(api, "jane", "GET", f"{CORE}/pods")).code == 200
        assert (await as_user(api, "jane", "GET", "/api/v1/pods")).code == 403
        assert (await as_user(api, "jane", "GET", f"{CORE}/pods?watch=true")).code == 403
        assert (await as_user(api, "jane", "POST", f"{CORE}/configmaps", configmap())).code == 403
        await api.call("DELETE", f"{RBAC}/namespaces/default/rolebindings/jane")
        assert (await as_user(api, "jane", "GET", f"{CORE}/pods")).code == 403


@on_a_loop
async def test_nobody_gives_what_he_does_not_have(tmp_path: Path) -> None:
    async with guarded(tmp_path) as api:
        roles, bindings = f"{RBAC}/namespaces/default/roles", f"{RBAC}/namespaces/default/rolebindings"
        await api.call("POST", bindings, binding("jane", "ClusterRole/admin", "jane"))
        assert (await as_user(api, "jane", "POST", roles, role("reader", READ_PODS))).code == 201
        nodes = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}
        refused = await as_user(api, "jane", "POST", roles, role("nodes", nodes))
        assert refused.code == 403
        assert "is attempting to grant RBAC permissions not currently held:\n" in refused.body["message"]
        assert '{APIGroups:[""], Resources:["nodes"], Verbs:["get"]}' in refused.body["message"]
        assert (await as_user(api, "jane", "POST", bindings, binding("joe", "ClusterRole/view", "joe"))).code == 201
        refused = await as_user(api, "jane", "POST", bindings, binding("root", "ClusterRole/cluster-admin", "jane"))
        assert refused.code == 403
        assert (await as_user(api, "jane", "POST", bindings, binding("x", "Role/ghost", "jane"))).code == 404
        bad = await api.call(
            "POST", bindings, {**binding("x", "Role/a", "b"), "roleRef": {"kind": "x", "name": "", "apiGroup": ""}}
        )
        assert bad.code == 422
        moved = binding("jane", "ClusterRole/view", "jane")
        assert "cannot change roleRef" in (await api.call("PUT", f"{bindings}/jane", moved)).body["message"]


@on_a_loop
async def test_reviews(tmp_path: Path) -> None:
    async with guarded(tmp_path) as api:
        await api.call("POST", f"{RBAC}/namespaces/default/rolebindings", binding("j", "ClusterRole/view", "jane"))
        path = "/apis/authorization.k8s.io/v1"

        async def ask(kind: str, spec: dict[str, Any], place: str = "", **headers: str) -> Any:
            body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
            return (await api.call("POST", f"{path}{place}/{kind.lower()}s", body, **headers)).body

        pods = {"verb": "list", "resource": "pods", "namespace": "default"}
        jane = {"Impersonate-User": "jane"}
        told = await ask("SelfSubjectAccessReview", {"resourceAttributes": pods}, **jane)
        assert told["status"]["allowed"]
        assert told["status"]["reason"] == (
            'RBAC: allowed by RoleBinding "j/default" of ClusterRole "view" to User "jane"'
        )
        other = await ask("SelfSubjectAccessReview", {"resourceAttributes": {**pods, "namespace": "x"}}, **jane)
        assert other["status"] == {"allowed": False}
        spec = {"user": "jane", "resourceAttributes": pods}
        assert (await ask("SubjectAccessReview", spec))["status"]["allowed"]
        local = await ask("LocalSubjectAccessReview", spec, "/namespaces/default")
        assert local["status"]["allowed"]
        rules = await ask("SelfSubjectRulesReview", {"namespace": "default"}, **jane)
        assert any("pods" in rule["resources"] for rule in rules["status"]["resourceRules"])
        assert (await as_user(api, "jane", "POST", f"{path}/subjectaccessreviews", {})).code == 403


@on_a_loop
async def test_impersonation_needs_rights_for_every_part(tmp_path: Path) -> None:
    async with guarded(tmp_path) as api:
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        me = await as_user(api, "system:serviceaccount:default:default", "POST", path, body)
        assert me.body["status"]["userInfo"]["groups"] == [
            "system:serviceaccounts",
            "system:serviceaccounts:default",
            "system:authenticated",
        ]
        headers = {"Impersonate-Uid": "7", "Impersonate-Extra-Scopes": "a", "Impersonate-Group": "dev"}
        me = await as_user(api, "jane", "POST", path, body, **headers)
        assert me.body["status"]["userInfo"] == {
            "username": "jane",
            "uid": "7",
            "groups": ["dev", "system:authenticated"],
            "extra": {"scopes": ["a"]},
        }
        assert (await api.call("GET", "/api", **{"Impersonate-Group": "dev"})).code == 400


@on_a_loop
async def test_default_roles_come_back(tmp_path: Path) -> None:
    async with guarded(tmp_path) as api:
        await api.call(
            "PATCH", f"{RBAC}/clusterroles/system:discovery", {"rules": []}, type="application/merge-patch+json"
        )
        await api.call("DELETE", f"{RBAC}/clusterrolebindings/system:discovery")
        kept = {"metadata": {"annotations": {"rbac.authorization.kubernetes.io/autoupdate": "false"}}, "rules": []}
        await api.call("PATCH", f"{RBAC}/clusterroles/system:monitoring", kept, type="application/merge-patch+json")
        await bootstrap(api.client)
        assert (await api.call("GET", f"{RBAC}/clusterroles/system:discovery")).body["rules"]
        assert (await api.call("GET", f"{RBAC}/clusterrolebindings/system:discovery")).code == 200
        assert not (await api.call("GET", f"{RBAC}/clusterroles/system:monitoring")).body.get("rules")
