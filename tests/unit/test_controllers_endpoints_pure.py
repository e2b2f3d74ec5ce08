"""EndpointSlices and Endpoints as pure functions of a Service and its Pods."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsorch.controllers.endpoints import slices, subsets
from nsorch.controllers.endpoints.members import members, ports_of, target_port
from nsorch.resources.endpointslice import EndpointSlice
from nsorch.resources.pod import Pod
from nsorch.resources.service import Service, ServicePort


def service(**spec):
    given_ports = spec.pop("ports", [{"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP"}])
    return Service.from_dict(
        {
            "metadata": {"name": "shop", "namespace": "default", "uid": "service-uid", "labels": {"team": "a"}},
            "spec": {"selector": {"app": "shop"}, "clusterIP": "10.96.0.7", "ports": given_ports, **spec},
        }
    )


def pod(number, *, ready=True, terminating=False, phase="Running", ports=(("web", 8080),), address=True, **spec):
    meta = {"name": f"shop-{number}", "namespace": "default", "uid": f"uid-{number}", "labels": {"app": "shop"}}
    if terminating:
        meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    status = {"phase": phase, "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}
    if address:
        status["podIP"] = f"10.244.{number // 250}.{number % 250 + 1}"
    container = {"name": "c", "ports": [{"name": name, "containerPort": port} for name, port in ports]}
    return Pod.from_dict(
        {"metadata": meta, "spec": {"containers": [container], "nodeName": "box", **spec}, "status": status}
    )


def stored(difference, before=()):
    """What the API would hold after the writes."""
    gone = {one.name for one in difference.delete}
    changed = {one.name: one for one in difference.update}
    result = [changed.get(one.name, one) for one in before if one.name not in gone]
    for number, one in enumerate(difference.create):
        copy = one.copy_deep()
        copy.metadata.name = f"shop-{len(before) + number}"
        copy.metadata.uid = copy.metadata.name
        result.append(copy)
    return result


def conditions(found):
    return [(one.conditions.ready, one.conditions.serving, one.conditions.terminating) for one in found.endpoints]


def test_conditions_of_endpoints():
    pods = [
        pod(1),
        pod(2, ready=False),
        pod(3, terminating=True),
        pod(4, ready=False, terminating=True),
        pod(5, phase="Failed"),
        pod(6, address=False),
    ]
    (only,) = slices.difference(service(), members(service(), pods), []).create
    assert conditions(only) == [
        (True, True, False),
        (False, False, False),
        (False, True, True),
        (False, False, True),
    ]
    publishing = service(publishNotReadyAddresses=True)
    (only,) = slices.difference(publishing, members(publishing, pods), []).create
    assert [one.conditions.ready for one in only.endpoints] == [True] * 4


def test_a_slice_as_kubernetes_makes_it():
    (only,) = slices.difference(service(), members(service(), [pod(1)]), []).create
    assert only.to_dict() == {
        "metadata": {
            "generateName": "shop-",
            "namespace": "default",
            "labels": {
                "team": "a",
                "kubernetes.io/service-name": "shop",
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            },
            "ownerReferences": [
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "name": "shop",
                    "uid": "service-uid",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "addressType": "IPv4",
        "endpoints": [
            {
                "addresses": ["10.244.0.2"],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "nodeName": "box",
                "targetRef": {"kind": "Pod", "namespace": "default", "name": "shop-1", "uid": "uid-1"},
            }
        ],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }


def test_headless_services_are_marked_and_may_have_no_ports():
    headless = service(clusterIP="None", ports=[])
    named = pod(1, hostname="first", subdomain="shop")
    (only,) = slices.difference(headless, members(headless, [named]), []).create
    assert only.metadata.labels["service.kubernetes.io/headless"] == ""
    assert only.ports is None
    assert only.endpoints[0].hostname == "first"
    (subset,) = subsets.subsets(headless, members(headless, [named])) or []
    assert subset.ports is None
    assert subset.addresses[0].hostname == "first"


def test_no_pods_is_one_empty_slice():
    (only,) = slices.difference(service(), [], []).create
    assert only.endpoints == []


@pytest.mark.parametrize(
    ("target", "protocol", "expected"),
    [("web", "TCP", 8080), ("web", "UDP", None), ("none", "TCP", None), (99, "TCP", 99), (None, "TCP", 80)],
)
def test_target_ports(target, protocol, expected):
    assert target_port(pod(1), ServicePort(port=80, targetPort=target, protocol=protocol)) == expected


def test_named_ports_of_sidecars_count():
    sidecar = {"name": "s", "restartPolicy": "Always", "ports": [{"name": "web", "containerPort": 9000}]}
    found = ports_of(service(), pod(1, ports=(), initContainers=[sidecar]))
    assert [port.port for port in found] == [9000]


def test_pods_with_other_port_numbers_are_in_another_slice_and_subset():
    two = service(
        ports=[
            {"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP"},
            {"name": "metrics", "port": 90, "targetPort": 9090, "protocol": "TCP"},
        ]
    )
    found = members(two, [pod(1), pod(2, ports=(("web", 80),)), pod(3)])
    created = slices.difference(two, found, []).create
    assert sorted(len(one.endpoints) for one in created) == [1, 2]
    shown = [
        (sorted(port.port for port in subset.ports), [address.ip for address in subset.addresses])
        for subset in subsets.subsets(two, found) or []
    ]
    every = ["10.244.0.2", "10.244.0.3", "10.244.0.4"]
    assert sorted(shown) == sorted([([8080], [every[0], every[2]]), ([80], [every[1]]), ([9090], every)])


def test_one_pods_change_is_one_update_of_its_slice():
    first = stored(slices.difference(service(), members(service(), [pod(1), pod(2)]), []))
    change = slices.difference(service(), members(service(), [pod(1), pod(2, terminating=True)]), first)
    assert (change.create, change.delete) == ([], [])
    (only,) = change.update
    assert [one.targetRef.name for one in only.endpoints] == ["shop-1", "shop-2"]
    assert conditions(only) == [(True, True, False), (False, True, True)]
    again = slices.difference(service(), members(service(), [pod(1), pod(2, terminating=True)]), [only])
    assert again == slices.Difference()


def test_new_target_port_reuses_the_slice_so_that_there_is_no_gap():
    first = stored(slices.difference(service(), members(service(), [pod(1)]), []))
    moved = service(ports=[{"name": "http", "port": 80, "targetPort": 9999, "protocol": "TCP"}])
    change = slices.difference(moved, members(moved, [pod(1)]), first)
    assert (change.create, change.delete) == ([], [])
    assert change.update[0].ports[0].port == 9999


@settings(max_examples=60, deadline=None)
@given(rounds=st.lists(st.sets(st.integers(0, 350), max_size=350), min_size=1, max_size=4))
def test_slices_always_show_exactly_the_pods_in_as_few_writes_as_needed(rounds):
    held: list[EndpointSlice] = []
    for wanted in rounds:
        found = members(service(), [pod(number) for number in sorted(wanted)])
        held = stored(slices.difference(service(), found, held), held)
        names = [one.targetRef.uid for part in held for one in part.endpoints]
        assert sorted(names) == sorted(f"uid-{number}" for number in wanted)
        assert all(len(part.endpoints) <= slices.CAPACITY for part in held)
        assert slices.difference(service(), found, held) == slices.Difference()
        assert held


def test_endpoints_list_ready_and_not_ready_and_leave_out_terminating():
    found = members(service(), [pod(2), pod(1), pod(3, ready=False), pod(4, terminating=True)])
    made = subsets.wanted(service(), found, None)
    assert made.metadata.labels == {"team": "a", "endpoints.kubernetes.io/managed-by": "endpoint-controller"}
    (subset,) = made.subsets
    assert [address.ip for address in subset.addresses] == ["10.244.0.2", "10.244.0.3"]
    assert [address.ip for address in subset.notReadyAddresses] == ["10.244.0.4"]
    assert [(port.name, port.port) for port in subset.ports] == [("http", 8080)]
    assert subsets.wanted(service(), found, made) is None
    emptied = subsets.wanted(service(), [], made)
    assert emptied.subsets is None


def test_more_than_a_thousand_addresses_are_cut_and_marked():
    found = members(service(), [pod(number) for number in range(1001)])
    made = subsets.wanted(service(), found, None)
    assert len(made.subsets[0].addresses) == 1000
    assert made.metadata.annotations == {"endpoints.kubernetes.io/over-capacity": "truncated"}
    fewer = subsets.wanted(service(), found[:10], made)
    assert fewer.metadata.annotations is None
