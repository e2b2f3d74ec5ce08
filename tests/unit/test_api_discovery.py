"""Discovery documents, as client libraries read them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nsorch.api import routes
from nsorch.api.discovery import SUBRESOURCES, Discovery, by_priority
from nsorch.api.failures import Failure
from nsorch.resources import Deployment, EndpointSlice, Namespace, Pod
from nsorch.resources.registry import Kind, Registry

KINDS: tuple[Kind[Any], ...] = (
    Kind(
        model=Namespace, plural="namespaces", namespaced=False, short_names=("ns",), subresources=("status", "finalize")
    ),
    Kind(
        model=Pod,
        plural="pods",
        short_names=("po",),
        categories=("all",),
        subresources=("status", "log", "exec", "eviction", "binding"),
    ),
    Kind(model=Deployment, plural="deployments", short_names=("deploy",), subresources=("status", "scale")),
    Kind(model=EndpointSlice, plural="endpointslices"),
)


@pytest.fixture
def discovery() -> Discovery:
    return Discovery(Registry(KINDS))


def get(discovery: Discovery, path: str, aggregated: str = "") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(discovery.document(path, aggregated, "127.0.0.1:6443").body)
    return document


def test_versions_and_groups(discovery: Discovery) -> None:
    versions = get(discovery, "/api")
    assert versions["kind"] == "APIVersions"
    assert versions["versions"] == ["v1"]
    assert versions["serverAddressByClientCIDRs"][0]["serverAddress"] == "127.0.0.1:6443"
    groups = get(discovery, "/apis")
    assert groups["kind"] == "APIGroupList"
    assert [group["name"] for group in groups["groups"]] == ["apps", "discovery.k8s.io"]
    assert groups["groups"][0]["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}
    assert get(discovery, "/apis/apps")["kind"] == "APIGroup"


def test_resources_of_a_group_version(discovery: Discovery) -> None:
    core = get(discovery, "/api/v1")
    assert (core["kind"], core["groupVersion"]) == ("APIResourceList", "v1")
    rows = {row["name"]: row for row in core["resources"]}
    assert rows["pods"]["shortNames"] == ["po"]
    assert rows["pods"]["categories"] == ["all"]
    assert rows["pods"]["singularName"] == "pod"
    assert rows["pods"]["verbs"] == sorted(rows["pods"]["verbs"])
    assert {"create", "watch", "deletecollection"} <= set(rows["pods"]["verbs"])
    assert rows["namespaces"]["namespaced"] is False
    assert rows["pods/log"]["kind"] == "Pod"
    assert rows["pods/exec"]["kind"] == "PodExecOptions"
    assert rows["pods/eviction"]["group"] == "policy"
    scale = {row["name"]: row for row in get(discovery, "/apis/apps/v1")["resources"]}["deployments/scale"]
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")


def test_the_storage_version_hash_is_kubernetes_own(discovery: Discovery) -> None:
    rows = {row["name"]: row for row in get(discovery, "/api/v1")["resources"]}
    assert rows["pods"]["storageVersionHash"] == "xPOwRZ+Yhw8="


def test_aggregated_discovery(discovery: Discovery) -> None:
    core = get(discovery, "/api", "apidiscovery.k8s.io/v2")
    assert (core["kind"], core["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    assert len(core["items"]) == 1
    version = core["items"][0]["versions"][0]
    assert (version["version"], version["freshness"]) == ("v1", "Current")
    pods = next(row for row in version["resources"] if row["resource"] == "pods")
    assert pods["responseKind"] == {"group": "", "version": "v1", "kind": "Pod"}
    assert pods["scope"] == "Namespaced"
    eviction = next(sub for sub in pods["subresources"] if sub["subresource"] == "eviction")
    assert eviction["responseKind"] == {"group": "policy", "version": "v1", "kind": "Eviction"}
    binding = next(sub for sub in pods["subresources"] if sub["subresource"] == "binding")
    assert binding["responseKind"] == {"group": "", "version": "v1", "kind": "Binding"}
    groups = get(discovery, "/apis", "apidiscovery.k8s.io/v2")
    assert [item["metadata"]["name"] for item in groups["items"]] == ["apps", "discovery.k8s.io"]


@pytest.mark.parametrize("path", ["/apis/nothing", "/apis/apps/v9", "/api/v2", "/apis/apps/v1/x"])
def test_unknown_groups_are_404(discovery: Discovery, path: str) -> None:
    with pytest.raises(Failure) as caught:
        discovery.document(path)
    assert caught.value.code == 404


def test_what_is_told_is_served() -> None:
    served: dict[str, set[str]] = {}
    for (name, _), row in routes.SUBRESOURCES.items():
        served.setdefault(name, set()).add(row.verb)
    assert {name: set(subresource.verbs) for name, subresource in SUBRESOURCES.items()} == served


def test_new_kinds_are_discovered() -> None:
    registry = Registry(KINDS[:2])
    discovery = Discovery(registry)
    before = discovery.document("/apis", "apidiscovery.k8s.io/v2")
    assert discovery.document("/apis", "apidiscovery.k8s.io/v2") is before
    registry.kinds = KINDS
    after = discovery.document("/apis", "apidiscovery.k8s.io/v2")
    assert after.etag != before.etag
    assert b"deployments" in after.body


def test_versions_by_priority() -> None:
    versions = ["v1beta1", "v1alpha2", "v2", "foo10", "v1", "v12alpha1", "v10", "v1beta10"]
    assert by_priority(versions) == ["v10", "v2", "v1", "v1beta10", "v1beta1", "v12alpha1", "v1alpha2", "foo10"]
