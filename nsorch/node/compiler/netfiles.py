"""Contents of /etc/hosts, /etc/resolv.conf and the hostname, as kubelet writes them."""

from __future__ import annotations

from collections.abc import Sequence

from nsorch.node.settings import NodeSettings
from nsorch.resources.pod import HostAlias, Pod

MAX_NAMESERVERS = 3
MAX_SEARCHES = 32
MAX_HOSTNAME = 63


def hostname(pod: Pod, settings: NodeSettings) -> str:
    """spec.hostname, else the Pod's name cut to 63 characters; with hostNetwork the node's; FQDN on request."""
    if pod.spec.hostNetwork:
        return settings.node_name
    short = (pod.spec.hostname or pod.name)[:MAX_HOSTNAME].rstrip("-.")
    if pod.spec.setHostnameAsFQDN and (domain := host_domain(pod, settings)):
        return f"{short}.{domain}"
    return short


def host_domain(pod: Pod, settings: NodeSettings) -> str:
    """``SUBDOMAIN.NAMESPACE.svc.DOMAIN`` if the Pod has a subdomain, else ""."""
    if not pod.spec.subdomain:
        return ""
    return f"{pod.spec.subdomain}.{pod.namespace}.svc.{settings.cluster_domain}"


def hosts_file(pod: Pod, address: str, settings: NodeSettings, host_content: str) -> str:
    """/etc/hosts; with hostNetwork the host's own (``host_content``) and the aliases."""
    if pod.spec.hostNetwork:
        text = "# Kubernetes-managed hosts file (host network).\n" + host_content
        return text + _aliases(pod.spec.hostAliases)
    short = (pod.spec.hostname or pod.name)[:MAX_HOSTNAME].rstrip("-.")
    domain = host_domain(pod, settings)
    own = f"{short}.{domain}\t{short}" if domain else short
    return (
        "# Kubernetes-managed hosts file.\n"
        "127.0.0.1\tlocalhost\n"
        "::1\tlocalhost ip6-localhost ip6-loopback\n"
        "fe00::0\tip6-localnet\n"
        "fe00::0\tip6-mcastprefix\n"
        "fe00::1\tip6-allnodes\n"
        "fe00::2\tip6-allrouters\n"
        f"{address}\t{own}\n"
    ) + _aliases(pod.spec.hostAliases)


def _aliases(aliases: Sequence[HostAlias] | None) -> str:
    if not aliases:
        return ""
    lines = [f"{alias.ip}\t" + "\t".join(alias.hostnames or ()) for alias in aliases]
    return "\n# Entries added by HostAliases.\n" + "\n".join(lines) + "\n"


def resolv_conf(pod: Pod, settings: NodeSettings, host_content: str) -> str:
    """/etc/resolv.conf from dnsPolicy and dnsConfig.

    ClusterFirst: the cluster DNS, search NAMESPACE.svc.DOMAIN svc.DOMAIN DOMAIN and the host's, ndots:5.
    ClusterFirst with hostNetwork means Default (the host's file); ClusterFirstWithHostNet is ClusterFirst there too.
    None: only dnsConfig.
    """
    policy = pod.spec.dnsPolicy or "ClusterFirst"
    if policy == "ClusterFirst" and pod.spec.hostNetwork:
        policy = "Default"
    servers, searches, options = parse_resolv_conf(host_content)
    if policy == "None":
        servers, searches, options = [], [], []
    elif policy != "Default":
        domain = settings.cluster_domain
        servers = [settings.dns_address]
        searches = [f"{pod.namespace}.svc.{domain}", f"svc.{domain}", domain, *searches]
        options = ["ndots:5"]
    config = pod.spec.dnsConfig
    if config:
        servers = _unique([*servers, *(config.nameservers or ())])
        searches = _unique([*searches, *(config.searches or ())])
        merged = {item.partition(":")[0]: item for item in options}
        for option in config.options or ():
            if option.name:
                merged[option.name] = f"{option.name}:{option.value}" if option.value else option.name
        options = list(merged.values())
    lines = []
    searches = _unique(searches)[:MAX_SEARCHES]
    if searches:
        lines.append("search " + " ".join(searches))
    lines += [f"nameserver {server}" for server in servers[:MAX_NAMESERVERS]]
    if options:
        lines.append("options " + " ".join(options))
    return "".join(line + "\n" for line in lines)


def parse_resolv_conf(text: str) -> tuple[list[str], list[str], list[str]]:
    """nameservers, search domains and options of a resolv.conf(5)."""
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0][0] in "#;":
            continue
        if words[0] == "nameserver" and len(words) > 1:
            servers.append(words[1])
        elif words[0] in ("search", "domain"):
            searches = [word.rstrip(".") or "." for word in words[1:]]
        elif words[0] == "options":
            options = words[1:]
    return servers, [search for search in searches if search != "."], options


def _unique(items: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(items))
