"""hosts, resolv.conf and hostname."""

from __future__ import annotations

from nsorch.node.compiler.netfiles import hostname, hosts_file, resolv_conf
from tests.support.node_objects import SETTINGS, a_pod

HOST = "nameserver 203.0.113.9\nsearch lan example.org\noptions edns0\n"


def test_cluster_first_asks_the_cluster_dns_and_searches_the_namespace_first() -> None:
    assert resolv_conf(a_pod(), SETTINGS, HOST) == (
        "search shop.svc.cluster.local svc.cluster.local cluster.local lan example.org\n"
        "nameserver 10.96.0.10\n"
        "options ndots:5\n"
    )


def test_default_policy_and_host_network_use_the_hosts_servers() -> None:
    expected = "search lan example.org\nnameserver 203.0.113.9\noptions edns0\n"
    assert resolv_conf(a_pod(dnsPolicy="Default"), SETTINGS, HOST) == expected
    assert resolv_conf(a_pod(hostNetwork=True), SETTINGS, HOST) == expected
    cluster = resolv_conf(a_pod(hostNetwork=True, dnsPolicy="ClusterFirstWithHostNet"), SETTINGS, HOST)
    assert "nameserver 10.96.0.10" in cluster


def test_dns_config_adds_and_overrides() -> None:
    config = {
        "nameservers": ["192.0.2.53"],
        "searches": ["corp"],
        "options": [{"name": "ndots", "value": "2"}, {"name": "rotate"}],
    }
    assert resolv_conf(a_pod(dnsPolicy="None", dnsConfig=config), SETTINGS, HOST) == (
        "search corp\nnameserver 192.0.2.53\noptions ndots:2 rotate\n"
    )
    merged = resolv_conf(a_pod(dnsConfig=config), SETTINGS, HOST)
    assert "nameserver 10.96.0.10\nnameserver 192.0.2.53\n" in merged
    assert "options ndots:2 rotate\n" in merged


def test_hosts_names_the_pod_and_the_aliases() -> None:
    pod = a_pod(hostname="db-0", subdomain="db", hostAliases=[{"ip": "192.0.2.7", "hostnames": ["a", "b.example"]}])
    text = hosts_file(pod, "10.244.0.7", SETTINGS, "")
    assert text.startswith("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n")
    assert "10.244.0.7\tdb-0.db.shop.svc.cluster.local\tdb-0\n" in text
    assert text.endswith("# Entries added by HostAliases.\n192.0.2.7\ta\tb.example\n")


def test_hosts_of_a_host_network_pod_are_the_hosts_own() -> None:
    text = hosts_file(a_pod(hostNetwork=True), "192.0.2.1", SETTINGS, "127.0.0.1 localhost\n")
    assert text == "# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n"


def test_hostnames() -> None:
    assert hostname(a_pod(), SETTINGS) == "web"
    assert hostname(a_pod(name="x" * 62 + ".y" + "z" * 20), SETTINGS) == "x" * 62
    assert hostname(a_pod(hostNetwork=True), SETTINGS) == "host1"
    assert (
        hostname(a_pod(hostname="h", subdomain="s", setHostnameAsFQDN=True), SETTINGS) == "h.s.shop.svc.cluster.local"
    )
