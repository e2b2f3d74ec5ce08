"""Services + EndpointSlices -> rules -> chains: worked examples."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsorch.network.rules.chains import Renderer, service_chain, target_chain
from nsorch.network.rules.compute import choose_targets, port_rules, service_of
from nsorch.network.rules.conntrack import udp_changes
from nsorch.network.rules.iptables import IptablesWriter, parse
from nsorch.network.rules.value import PortRule, ServiceRules, Target
from nsorch.network.settings import NetworkSettings
from tests.support.service_objects import dying, endpoint, endpoint_slice, service

SETTINGS = NetworkSettings(node_address="192.0.2.1")
A, B, C = Target("10.244.0.2", 8080), Target("10.244.0.3", 8080), Target("10.244.0.4", 8080)


def rules(*parts: PortRule) -> ServiceRules:
    return ServiceRules(MappingProxyType({rule.key: rule for rule in parts}))


def rule(name: str = "default/web", *targets: Target, **more: Any) -> PortRule:
    return PortRule(name, "tcp", 80, cluster_addresses=("10.96.0.50",), targets=targets, **more)


@pytest.mark.parametrize(
    ("endpoints", "targets", "fallback"),
    [
        (["10.244.0.3", "10.244.0.2"], (A, B), False),
        (["10.244.0.2", endpoint("10.244.0.3", ready=None)], (A, B), False),
        (["10.244.0.2", endpoint("10.244.0.3", ready=False)], (A,), False),
        (["10.244.0.2", dying("10.244.0.3")], (A,), False),
        ([dying("10.244.0.2"), dying("10.244.0.3", serving=False)], (A,), True),
        ([dying("10.244.0.2"), endpoint("10.244.0.3", ready=False, serving=False)], (A,), True),
        ([dying("10.244.0.2", serving=False)], (), False),
        ([endpoint("10.244.0.2", ready=False, serving=True)], (), False),
        ([endpoint("10.244.0.2", ready=True, terminating=True, serving=True)], (A,), False),
        ([], (), False),
    ],
)
def test_which_endpoints_get_connections(endpoints: list[Any], targets: tuple[Target, ...], fallback: bool) -> None:
    assert choose_targets([endpoint_slice(endpoints)], "", "TCP") == (targets, fallback)


def test_slices_are_joined_by_port_name_and_protocol() -> None:
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
        {"name": "metrics", "port": 9153, "protocol": "TCP"},
    ]
    to = [{"name": "dns", "port": 1053, "protocol": "UDP"}, {"name": "dns-tcp", "port": 1053, "protocol": "TCP"}]
    also = [{"name": "metrics", "port": 9000, "protocol": "TCP"}, {"name": "dns", "port": 53, "protocol": "TCP"}]
    slices = [endpoint_slice(["10.244.0.2"], to, name="a"), endpoint_slice(["10.244.0.3"], also, name="b")]
    found = {item.key: item.targets for item in port_rules(service(ports=ports), slices)}
    assert found == {
        "default/web:dns/udp": (Target("10.244.0.2", 1053),),
        "default/web:dns-tcp/tcp": (Target("10.244.0.2", 1053),),
        "default/web:metrics/tcp": (Target("10.244.0.3", 9000),),
    }


def test_everything_a_service_may_say_reaches_the_rule() -> None:
    full = service(
        ports=[{"port": 80, "nodePort": 30080, "protocol": "TCP"}],
        type="LoadBalancer",
        externalIPs=["192.0.2.7", "2001:db8::7"],
        sessionAffinity="ClientIP",
        loadBalancerSourceRanges=[" 198.51.100.0/24", "2001:db8::/32"],
        status={"loadBalancer": {"ingress": [{"ip": "192.0.2.8"}, {"ip": "192.0.2.9", "ipMode": "Proxy"}]}},
    )
    (made,) = port_rules(full, [endpoint_slice(["10.244.0.2"])])
    assert made == PortRule(
        "default/web",
        "tcp",
        80,
        cluster_addresses=("10.96.0.50",),
        external_addresses=("192.0.2.7",),
        balancer_addresses=("192.0.2.8",),
        balancer_sources=("198.51.100.0/24",),
        node_port=30080,
        affinity_seconds=10800,
        targets=(A,),
    )


@pytest.mark.parametrize(
    "silent",
    [
        service(address="None"),
        service(type="ExternalName", externalName="example.test"),
        service(labels={"service.kubernetes.io/service-proxy-name": "other"}),
        service(address=""),
        service(address="2001:db8::1"),
    ],
)
def test_services_that_have_no_rules(silent: Any) -> None:
    assert port_rules(silent, [endpoint_slice(["10.244.0.2"])]) == ()


def test_an_address_the_host_binds_itself_is_not_translated() -> None:
    ports = [{"port": 53, "nodePort": 30053, "protocol": "UDP"}]
    dns = service("kube-dns", "10.96.0.10", ports, namespace="kube-system", type="NodePort")
    (made,) = port_rules(dns, [], frozenset({"10.96.0.10"}))
    assert made.cluster_addresses == ()
    assert made.node_port == 30053


def test_slices_without_their_label_belong_to_nobody() -> None:
    stray = endpoint_slice([])
    assert service_of(stray) == "default/web"
    stray.metadata.labels = {}
    assert service_of(stray) is None


def test_three_targets_get_a_third_each_and_only_a_pod_reaching_itself_is_marked() -> None:
    web = rule("default/web", A, B, C)
    nat = Renderer(SETTINGS).render(rules(web))["nat"]
    first, second, third = (target_chain(web, target) for target in (A, B, C))
    assert nat[service_chain(web)] == (
        f"-m statistic --mode random --probability 0.3333333333 -j {first}",
        f"-m statistic --mode random --probability 0.5000000000 -j {second}",
        f"-j {third}",
    )
    assert nat[first] == (
        "-s 10.244.0.2/32 -j MARK --set-xmark 0x2000/0x2000",
        "-p tcp -j DNAT --to-destination 10.244.0.2:8080",
    )
    assert nat["NSORCH-CLUSTER-IP"] == ("-d 10.96.0.0/22 -j NSORCH-NET-10.96.0.0",)
    assert nat["NSORCH-NET-10.96.0.0"] == (
        f'-d 10.96.0.50/32 -p tcp --dport 80 -m comment --comment "default/web" -j {service_chain(web)}',
    )


def test_sticky_clients_are_looked_for_first() -> None:
    web = rule("default/web", A, B, affinity_seconds=600)
    nat = Renderer(SETTINGS).render(rules(web))["nat"]
    first = target_chain(web, A)
    assert nat[service_chain(web)][0] == f"-m recent --name {first} --rcheck --seconds 600 --reap -j {first}"
    assert f"-p tcp -m recent --name {first} --set -j DNAT --to-destination 10.244.0.2:8080" in nat[first]


def test_without_targets_nothing_is_translated_and_other_destinations_are_rejected() -> None:
    web = rule(external_addresses=("192.0.2.7",), node_port=30080)
    tables = Renderer(SETTINGS).render(rules(web))
    assert tables["nat"]["NSORCH-CLUSTER-IP"] == tables["nat"]["NSORCH-NODEPORT"] == ()
    assert len(tables["filter"]["NSORCH-REJECT"]) == 2
    assert all("--reject-with tcp-reset" in line for line in tables["filter"]["NSORCH-REJECT"])


def test_preferred_addresses_leave_out_last_resorts() -> None:
    assert rules(rule("a/a", A), rule("a/b", B, fallback=True)).preferred == {"10.244.0.2"}


def test_udp_destinations_whose_flows_must_be_looked_at() -> None:
    def udp(*targets: Target) -> PortRule:
        return PortRule(
            "a/dns", "udp", 53, cluster_addresses=("10.96.0.60",), node_port=30053, targets=targets
        )  # fmt: skip

    old, web = udp(A), rule("default/web", A)
    assert udp_changes(rules(old, web), rules(old, web)) == {}
    assert udp_changes(rules(old), rules(old, web)) == {}
    only_b = frozenset({B})
    assert udp_changes(rules(old), rules(udp(B))) == {("10.96.0.60", 53): only_b, ("", 30053): only_b}
    assert udp_changes(rules(old), rules()) == {("10.96.0.60", 53): frozenset(), ("", 30053): frozenset()}


def test_saved_rules_are_read_back() -> None:
    found = parse(
        "*nat\n:PREROUTING ACCEPT [0:0]\n:NSORCH-SERVICES - [0:0]\n:NSORCH-NODEPORT - [0:0]\n:DOCKER - [0:0]\n"
        "-A PREROUTING -j NSORCH-SERVICES\n-A PREROUTING -j DOCKER\n"
        "-A NSORCH-SERVICES -d 10.96.0.0/16 -j NSORCH-CLUSTER-IP\nCOMMIT\n"
    )
    assert found.hooks == ["PREROUTING -j NSORCH-SERVICES"]
    assert found.chains == {"NSORCH-SERVICES": 1, "NSORCH-NODEPORT": 0}


class Recorder(IptablesWriter):
    """Writes nothing; remembers what it would have."""

    def __init__(self) -> None:
        super().__init__(SETTINGS)
        self.restored: list[str] = []

    def _run(self, argv: list[str], text: str) -> str:
        if argv[0].endswith("-restore"):
            self.restored.append(text)
        return ""


def test_a_change_rewrites_the_chains_of_its_service_only() -> None:
    writer = Recorder()
    web, api = rule("default/web", A), rule("default/api", A)
    writer.apply(rules(web, api))
    changed = rule("default/web", A, B)
    writer.apply(rules(changed, api))
    text = writer.restored[-1]
    assert text.splitlines()[0] == "*nat"
    assert text.count("*") == 1
    declared = {line[1:].split()[0] for line in text.splitlines() if line.startswith(":")}
    assert declared == {service_chain(web), target_chain(web, B)}
    writer.apply(rules(changed, api))
    assert len(writer.restored) == 2, "nothing changed, nothing to write"
    writer.apply(rules(api))
    assert f"-X {service_chain(web)}" in writer.restored[-1]
    assert target_chain(api, A) not in writer.restored[-1]


@given(count=st.integers(1, 200))
def test_every_target_has_the_same_chance(count: int) -> None:
    targets = tuple(Target(f"10.244.1.{n}", 80) for n in range(count))
    made = rule("default/web", *targets)
    lines = Renderer(SETTINGS).render(rules(made))["nat"][service_chain(made)]
    left = 1.0
    for line in lines:
        chance = float(line.split("--probability ")[1].split()[0]) if "--probability" in line else 1.0
        assert left * chance == pytest.approx(1 / count, rel=1e-4)
        left *= 1 - chance


def test_names_fit_what_the_kernel_allows() -> None:
    long = rule("n" * 63 + "/" + "s" * 63 + ":" + "p" * 63, A)
    tables = Renderer(SETTINGS).render(rules(long))
    assert all(len(name) <= 28 for chains in tables.values() for name in chains)
