"""The published schema, as clients use it."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from nsorch.api.failures import Failure
from nsorch.api.openapi import OpenApi, generate
from nsorch.resources import Deployment, EndpointSlice, Namespace, Node, Pod, Service
from nsorch.resources.registry import Kind, Registry

KINDS: tuple[Kind[Any], ...] = (
    Kind(model=Namespace, plural="namespaces", namespaced=False, subresources=("status", "finalize")),
    Kind(model=Node, plural="nodes", namespaced=False, subresources=("status",)),
    Kind(model=Pod, plural="pods", subresources=("status", "log", "exec", "eviction", "binding")),
    Kind(model=Service, plural="services", subresources=("status",)),
    Kind(model=Deployment, plural="deployments", subresources=("status", "scale")),
    Kind(model=EndpointSlice, plural="endpointslices"),
)


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    return generate(KINDS, "")


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_every_reference_resolves_and_none_has_siblings(whole: dict[str, Any]) -> None:
    schemas = whole["components"]["schemas"]
    assert {reference.rsplit("/", 1)[1] for reference in references(whole)} <= schemas.keys()
    for reference in references(whole):
        assert reference.startswith("#/components/schemas/")

    def check(value: Any) -> None:
        if isinstance(value, dict):
            assert "$ref" not in value or len(value) == 1 or isinstance(value["$ref"], dict)
            for inner in value.values():
                check(inner)
        elif isinstance(value, list):
            for inner in value:
                check(inner)

    check(whole)


def test_component_names_are_kubernetes_own(whole: dict[str, Any]) -> None:
    assert {
        "io.k8s.api.apps.v1.Deployment",
        "io.k8s.api.apps.v1.DeploymentList",
        "io.k8s.api.apps.v1.DeploymentSpec",
        "io.k8s.api.autoscaling.v1.Scale",
        "io.k8s.api.core.v1.Container",
        "io.k8s.api.core.v1.PodTemplateSpec",
        "io.k8s.api.discovery.v1.Endpoint",
        "io.k8s.api.policy.v1.Eviction",
        "io.k8s.apimachinery.pkg.api.resource.Quantity",
        "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
        "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector",
        "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
        "io.k8s.apimachinery.pkg.apis.meta.v1.Time",
        "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
    } <= whole["components"]["schemas"].keys()


def test_merge_marks_are_published(whole: dict[str, Any]) -> None:
    containers = whole["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-patch-strategy"] == "merge"
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert containers["x-kubernetes-list-type"] == "map"
    assert containers["items"] == {"$ref": "#/components/schemas/io.k8s.api.core.v1.Container"}


def test_types(whole: dict[str, Any]) -> None:
    schemas = whole["components"]["schemas"]
    port = schemas["io.k8s.api.core.v1.ContainerPort"]["properties"]
    assert port["containerPort"].items() >= {"type": "integer", "format": "int32"}.items()
    assert port["containerPort"]["description"].startswith("The port that the container listens on")
    assert schemas["io.k8s.api.core.v1.ContainerPort"]["required"] == ["containerPort"]
    limits = schemas["io.k8s.api.core.v1.ResourceRequirements"]["properties"]["limits"]
    assert limits["additionalProperties"] == {
        "$ref": "#/components/schemas/io.k8s.apimachinery.pkg.api.resource.Quantity"
    }
    target = schemas["io.k8s.api.core.v1.ServicePort"]["properties"]["targetPort"]
    assert target["allOf"] == [{"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.util.intstr.IntOrString"}]


def test_operations(whole: dict[str, Any]) -> None:
    path = whole["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]
    identity = {"group": "apps", "kind": "Deployment", "version": "v1"}
    assert {"get", "put", "patch", "delete"} <= path.keys()
    for method in ("put", "patch"):
        assert path[method]["x-kubernetes-group-version-kind"] == identity
        names = {parameter["name"] for parameter in path[method]["parameters"]}
        assert {"fieldValidation", "dryRun", "fieldManager"} <= names
    assert path["patch"]["x-kubernetes-action"] == "patch"
    scale = whole["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]
    assert scale["get"]["x-kubernetes-group-version-kind"]["kind"] == "Scale"
    assert "/api/v1/namespaces/{namespace}/pods/{name}/log" in whole["paths"]
    assert "/api/v1/nodes/{name}/status" in whole["paths"]
    assert whole["paths"]["/apis/apps/v1/deployments"]["get"]["x-kubernetes-action"] == "list"
    operations = [
        operation["operationId"]
        for item in whole["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    ]
    assert len(operations) == len(set(operations))


def test_documents_are_served_compressed_and_by_hash() -> None:
    async def run() -> None:
        openapi = OpenApi(Registry(KINDS))
        index = json.loads(gzip.decompress((await openapi.document("v3")).data))
        assert index["paths"].keys() == {"api/v1", "apis/apps/v1", "apis/discovery.k8s.io/v1"}
        url, _, digest = index["paths"]["apis/apps/v1"]["serverRelativeURL"].partition("?hash=")
        document = await openapi.document(url.removeprefix("/openapi/"))
        assert document.digest == digest
        body = json.loads(gzip.decompress(document.data))
        assert body["openapi"] == "3.0.0"
        assert all(path.startswith("/apis/apps/v1/") for path in body["paths"])
        with pytest.raises(Failure) as caught:
            await openapi.document("v3/apis/nothing/v1")
        assert caught.value.code == 404

    asyncio.run(run())


def test_swagger_tells_the_same() -> None:
    async def run() -> None:
        document = await OpenApi(Registry(KINDS)).document("v2")
        swagger = json.loads(gzip.decompress(document.data))
        assert swagger["swagger"] == "2.0"
        definition = swagger["definitions"]["io.k8s.api.core.v1.PodSpec"]
        assert definition["properties"]["containers"]["x-kubernetes-patch-merge-key"] == "name"
        names = {reference.rsplit("/", 1)[1] for reference in references(swagger)}
        assert names <= swagger["definitions"].keys()
        post = swagger["paths"]["/api/v1/namespaces/{namespace}/pods"]["post"]
        assert post["parameters"][0]["in"] == "body"
        assert "oneOf" not in json.dumps(swagger)

    asyncio.run(run())
