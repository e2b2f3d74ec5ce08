"""The endpoints controller, default content and end of namespaces, and the cluster's own objects."""

from __future__ import annotations

import asyncio

import pytest

from nsorch.resources.account import ServiceAccount
from nsorch.resources.apps import Deployment
from nsorch.resources.client import ClientError
from nsorch.resources.config import ConfigMap
from nsorch.resources.endpoints import Endpoints
from nsorch.resources.endpointslice import EndpointSlice
from nsorch.resources.namespace import Namespace
from nsorch.resources.pod import Pod
from nsorch.resources.service import Service
from tests.support.control_plane import ControlPlane, deployment, image


@pytest.fixture
def run(tmp_path):
    def runner(scenario, **settings):
        async def inside():
            async with ControlPlane(tmp_path, **settings) as plane:
                await scenario(plane)

        asyncio.run(inside())

    return runner


def shop(name="web", **spec):
    return {
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}], **spec},
    }


def slices(plane, service="web", namespace="default"):
    found = plane.client.list(EndpointSlice, namespace)
    return [one for one in found if one.metadata.labels.get("kubernetes.io/service-name") == service]


def ready(plane, service="web"):
    return {
        endpoint.targetRef.name
        for one in slices(plane, service)
        for endpoint in one.endpoints or ()
        if endpoint.conditions.ready
    }


def test_a_service_follows_its_pods(run):
    async def scenario(plane):
        made = await plane.create(Service, shop())
        await plane.settle()
        (only,) = slices(plane)
        assert not only.endpoints
        await plane.create(Deployment, deployment())
        await plane.settle()
        assert ready(plane) == {pod.name for pod in plane.pods()}
        (only,) = slices(plane)
        assert only.name.startswith("web-")
        addresses = [address.ip for subset in plane.get(Endpoints, "web").subsets for address in subset.addresses]
        assert sorted(addresses) == sorted(pod.status.podIP for pod in plane.pods())
        await plane.change(made, lambda service: service.spec.selector.update(app="nobody"))
        await plane.settle()
        assert ready(plane) == set()
        assert plane.get(Endpoints, "web").subsets is None
        await plane.client.delete(Service, "default", "web")
        await plane.settle()
        assert slices(plane) == []
        assert plane.client.get(Endpoints, "default", "web") is None

    run(scenario)


def test_a_terminating_pod_leaves_before_it_has_ended_and_in_one_write_per_burst(run):
    async def scenario(plane):
        await plane.create(Service, shop())
        await plane.create(Deployment, deployment(replicas=20))
        await plane.settle()
        plane.kubelet.ends = False
        (before,) = slices(plane)
        writes = []
        plane.client.subscribe(EndpointSlice, lambda change: writes.append(change.type))
        writes.clear()
        victims = plane.pods()[:10]
        await asyncio.gather(*(plane.client.delete(Pod, "default", pod.name) for pod in victims))
        gone = {pod.name for pod in victims}
        await plane.until(lambda: not gone & ready(plane))
        assert writes == ["MODIFIED"]
        (after,) = slices(plane)
        assert after.name == before.name
        terminating = [one for one in after.endpoints if one.conditions.terminating]
        assert {one.targetRef.name for one in terminating} == gone
        assert all(one.conditions.serving and not one.conditions.ready for one in terminating)

    run(scenario)


def test_a_rolling_update_always_has_ready_endpoints(run):
    async def scenario(plane):
        await plane.create(Service, shop())
        made = await plane.create(Deployment, deployment(replicas=4))
        await plane.settle()
        fewest = 4

        def watch(change):
            nonlocal fewest
            fewest = min(fewest, len(ready(plane)))

        plane.client.subscribe(EndpointSlice, watch)
        await plane.change(made, image("web:2"))
        await plane.settle()
        assert fewest >= 3
        assert len(ready(plane)) == 4

    run(scenario)


def test_a_removed_slice_is_made_again_and_unmanaged_services_are_left_alone(run):
    async def scenario(plane):
        await plane.create(Service, shop())
        await plane.create(Deployment, deployment())
        await plane.create(Service, shop("bare", selector=None))
        await plane.create(
            Service, {"metadata": {"name": "alias"}, "spec": {"type": "ExternalName", "externalName": "x.y"}}
        )
        await plane.settle()
        (only,) = slices(plane)
        await plane.client.delete(EndpointSlice, "default", only.name)
        await plane.client.delete(Endpoints, "default", "web")
        await plane.settle()
        assert len(ready(plane)) == 3
        assert plane.get(Endpoints, "web").subsets
        for name in ("bare", "alias"):
            assert slices(plane, name) == []
            assert plane.client.get(Endpoints, "default", name) is None

    run(scenario)


def test_endpoints_written_by_hand_are_mirrored(run):
    async def scenario(plane):
        await plane.create(Service, shop("outside", selector=None))
        made = await plane.create(
            Endpoints,
            {
                "metadata": {"name": "outside", "labels": {"team": "a"}},
                "subsets": [
                    {
                        "addresses": [{"ip": f"192.0.2.{number}"} for number in range(1, 151)],
                        "notReadyAddresses": [{"ip": "192.0.2.200"}],
                        "ports": [{"port": 5432}],
                    }
                ],
            },
        )
        await plane.settle()
        found = slices(plane, "outside")
        assert sorted(len(one.endpoints) for one in found) == [51, 100]
        assert all(one.metadata.labels["team"] == "a" and one.ports[0].port == 5432 for one in found)
        assert sum(not endpoint.conditions.ready for one in found for endpoint in one.endpoints) == 1
        await plane.change(made, lambda endpoints: setattr(endpoints.subsets[0], "addresses", None))
        await plane.settle()
        (only,) = slices(plane, "outside")
        assert [endpoint.addresses for endpoint in only.endpoints] == [["192.0.2.200"]]
        before = plane.store.revision
        await plane.restart_controllers()
        assert plane.store.revision == before
        await plane.client.delete(Endpoints, "default", "outside")
        await plane.settle()
        assert slices(plane, "outside") == []

    run(scenario)


def test_every_namespace_has_its_account_and_certificate(run):
    async def scenario(plane):
        await plane.create(Namespace, {"metadata": {"name": "team"}})
        await plane.settle()
        for namespace in ("default", "kube-system", "kube-public", "kube-node-lease", "team"):
            plane.get(ServiceAccount, "default", namespace)
            assert plane.get(ConfigMap, "kube-root-ca.crt", namespace).data == {"ca.crt": "PEM"}
        await plane.client.delete(ServiceAccount, "team", "default")
        await plane.client.delete(ConfigMap, "team", "kube-root-ca.crt")
        await plane.settle()
        plane.get(ServiceAccount, "default", "team")
        plane.get(ConfigMap, "kube-root-ca.crt", "team")

    run(scenario)


def test_a_namespace_ends_with_its_pods_first_and_everything_else_after(run):
    async def scenario(plane):
        await plane.create(Namespace, {"metadata": {"name": "team"}})
        await plane.settle()
        for model, document in ((Deployment, deployment()), (Service, shop())):
            document["metadata"]["namespace"] = "team"
            await plane.create(model, document)
        held = {"metadata": {"name": "held", "namespace": "team", "finalizers": ["example.com/hold"]}}
        await plane.create(ConfigMap, held)
        await plane.settle()
        assert len(plane.pods("team")) == 3
        plane.kubelet.ends = False
        await plane.client.delete(Namespace, None, "team")
        await plane.settle()
        found = plane.get(Namespace, "team", None)
        assert found.status.phase == "Terminating"
        assert all(pod.terminating for pod in plane.client.list(Pod, "team"))
        assert plane.client.list(Deployment, "team")  # waits for the Pods
        state = {condition.type: (condition.status, condition.reason) for condition in found.status.conditions}
        assert state["NamespaceContentRemaining"] == ("True", "SomeResourcesRemain")
        plane.kubelet.ends = True
        plane.kubelet.look_again()
        await plane.settle()
        found = plane.get(Namespace, "team", None)
        messages = {condition.type: condition.message for condition in found.status.conditions}
        assert messages["NamespaceContentRemaining"] == (
            "Some resources are remaining: configmaps. has 1 resource instances"
        )
        assert messages["NamespaceFinalizersRemaining"] == (
            "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
        )
        with pytest.raises(ClientError, match="being terminated"):
            await plane.create(ConfigMap, {"metadata": {"name": "late", "namespace": "team"}})
        await plane.change(
            plane.get(ConfigMap, "held", "team"), lambda held: setattr(held.metadata, "finalizers", None)
        )
        await plane.settle()
        assert plane.client.get(Namespace, None, "team") is None
        # and the name can be used again
        await plane.create(Namespace, {"metadata": {"name": "team"}})
        await plane.settle()
        plane.get(ServiceAccount, "default", "team")

    run(scenario)


def test_the_cluster_makes_its_own_objects_again(run):
    async def scenario(plane):
        service = plane.get(Service, "kubernetes")
        assert service.spec.clusterIP == "10.96.0.1"
        assert [(port.name, port.port, port.targetPort) for port in service.spec.ports] == [("https", 443, 6443)]
        (only,) = slices(plane, "kubernetes")
        assert (only.endpoints[0].addresses, only.ports[0].port) == (["192.0.2.1"], 6443)
        await plane.client.delete(Service, "default", "kubernetes")
        await plane.client.delete(Endpoints, "default", "kubernetes")
        await plane.client.delete(EndpointSlice, "default", "kubernetes")
        await plane.client.delete(Namespace, None, "kube-node-lease")
        await plane.settle()
        assert plane.get(Service, "kubernetes").spec.clusterIP == "10.96.0.1"
        assert plane.get(Endpoints, "kubernetes").subsets[0].addresses[0].ip == "192.0.2.1"
        assert len(slices(plane, "kubernetes")) == 1
        assert plane.get(Namespace, "kube-node-lease", None).status.phase == "Active"

    run(scenario)
