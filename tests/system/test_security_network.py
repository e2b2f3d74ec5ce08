"""What a hostile Pod may try in the network: other addresses, the host's loopback, the API."""

from __future__ import annotations

import json

from tests.support.space import Space, main

RAW = {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}


def _address(pod: dict[str, dict[str, str]]) -> str:
    return pod["status"]["podIP"]


def test_another_pods_address_cannot_be_used(here: Space) -> None:
    """With CAP_NET_ADMIN a Pod gives itself any address; the host drops what it sends from it."""
    serve = "mkdir -p /w; echo hello > /w/x; exec httpd -f -p 8080 -h /w"
    here.pod("server", {"command": ["sh", "-c", serve]})
    here.pod("victim")
    here.pod("thief", {"securityContext": RAW})
    server, victim, _ = (here.ready(name) for name in ("server", "victim", "thief"))
    fetch = f"timeout 2 wget -qO- http://{_address(server)}:8080/x"
    here.sh("thief", f"for i in $(seq 40); do {fetch} && exit 0; sleep 0.1; done; exit 1")
    before = here.sh("server", "cat /proc/net/snmp | grep ^Udp: | tail -1 | cut -d' ' -f3")
    here.sh(
        "thief",
        f"ip addr add {_address(victim)}/32 dev eth0; ip route replace default via 169.254.1.1 dev eth0 "
        f"src {_address(victim)} onlink; for i in 1 2 3; do echo x | timeout 0.2 nc -u {_address(server)} 9999; done; true",
    )
    # UDP to a port nobody listens on is counted (NoPorts) where it arrives.
    assert here.sh("server", "cat /proc/net/snmp | grep ^Udp: | tail -1 | cut -d' ' -f3") == before
    here.sh(
        "thief", f"ip addr del {_address(victim)}/32 dev eth0; ip route replace default via 169.254.1.1 dev eth0 onlink"
    )
    here.sh("thief", fetch)


def test_the_hosts_loopback_is_out_of_reach(here: Space) -> None:
    """route_localnet is on for NodePorts on 127.0.0.1: what a Pod sends to 127/8 over its veth is dropped all the same."""
    folder = here.cluster.files / "loopback"
    folder.mkdir()
    (folder / "note").write_text("secret")
    listener = here.cluster.namespace.popen(["/bin/busybox", "httpd", "-f", "-p", "127.0.0.1:9998", "-h", str(folder)])
    try:
        here.pod("prober", {"securityContext": RAW})
        here.ready("prober")
        ask = "timeout 2 wget -qO- http://127.0.0.1:9998/note"
        here.cluster.run(
            [
                "sh",
                "-c",
                "for i in $(seq 40); do curl -sf http://127.0.0.1:9998/note && exit 0; sleep 0.1; done; exit 1",
            ]
        )
        script = (
            "ip route del local 127.0.0.0/8 dev lo table local; ip route del local 127.0.0.1 dev lo table local; "
            "ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.0/8 via 169.254.1.1 dev eth0 onlink; "
            f"ip route get 127.0.0.1 | grep -q eth0 || exit 9; {ask} && exit 1; exit 0"
        )
        assert here.kubectl("exec", "prober", "--", "sh", "-c", script, check=False).returncode in (0, 9)
    finally:
        listener.kill()
        listener.wait()


def test_the_api_wants_credentials_of_a_pod(here: Space) -> None:
    here.pod("asker")
    here.ready("asker")
    node = here.api.call("GET", "/api/v1/nodes")["items"][0]["status"]["addresses"][0]["address"]
    for path in ("/api/v1/secrets", "/nsorch/v1/images", "/apis/apps/v1/deployments"):
        answer = here.cluster.run(["curl", "-sk", f"https://{node}:6443{path}"])
        assert json.loads(answer.stdout)["code"] in (401, 403), answer.stdout
    assert "nsorch" not in here.sh("asker", "find / -xdev -name '*.sock' 2>/dev/null; true")


def test_a_pod_cannot_use_up_all_processes(here: Space) -> None:
    pod = here.pod("bomb", main())
    here.ready("bomb")
    limit = here.sh("bomb", "cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max").strip()
    assert limit == "max"  # the container's own; its Pod's is above
    plan = json.loads((here.cluster.files / "pods" / pod["metadata"]["uid"] / "plan.json").read_text())
    assert 0 < plan["limits"]["pids_limit"] < 4_194_304
