"""What a Pod sees of the network: names, virtual addresses, the API; what the host sees of Services."""

from __future__ import annotations

import json
import sys
from collections import Counter

from tests.support.cluster import Cluster
from tests.support.space import Object, Space, main

SERVE = "mkdir /www; hostname > /www/index.html; exec httpd -f -p 8080 -h /www"
PROBE = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
BOUND = {"exec": {"command": ["grep", "-q", ":1388 ", "/proc/net/udp"]}, "periodSeconds": 1}
SERVER = main(["sh", "-c", SERVE], readinessProbe=PROBE, ports=[{"name": "http", "containerPort": 8080}])
UDP_SERVER = """
import socket
s = socket.socket(type=socket.SOCK_DGRAM)
s.bind(("", 5000))
while True:
    data, peer = s.recvfrom(99)
    s.sendto(b"got " + data, peer)
"""
UDP_CLIENT = """
import socket, sys
s = socket.socket(type=socket.SOCK_DGRAM)
s.settimeout(10)
s.connect((sys.argv[1], 53))
s.send(b"hello")
print(s.recv(99).decode())
"""
ASK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode().strip())"


def names(here: Space, app: str) -> set[str]:
    return {pod["metadata"]["name"] for pod in here.pods_of(app)}


def from_host(here: Space, url: str) -> str:
    return here.cluster.run([sys.executable, "-c", ASK, url]).stdout.strip()


def many(here: Space, pod: str, url: str, count: int = 40) -> Counter[str]:
    """Who answers ``count`` requests from a Pod."""
    script = f"for n in $(seq {count}); do wget -qO- {url} || echo failed; done"
    return Counter(here.sh(pod, script).split())


def test_services_by_name_and_from_everywhere(here: Space) -> None:
    here.deployment("web", 3, SERVER)
    service = here.service("web", ports=[{"name": "http", "port": 80, "targetPort": "http"}], type="NodePort")
    here.pod("client")
    here.ready("client")
    here.rolled_out("web")
    web = names(here, "web")
    for name in ("web", f"web.{here.name}", f"web.{here.name}.svc", f"web.{here.name}.svc.cluster.local"):
        assert set(many(here, "client", f"http://{name}/", 3)) <= web
    assert set(many(here, "client", f"http://{service['spec']['clusterIP']}/")) == web
    assert from_host(here, f"http://{service['spec']['clusterIP']}/") in web
    node = here.get("pods", "client")["status"]["hostIP"]
    port = service["spec"]["ports"][0]["nodePort"]
    assert from_host(here, f"http://{node}:{port}/") in web
    assert set(many(here, "client", f"http://{node}:{port}/", 3)) <= web
    assert set(many(here, min(web), "http://web/")) == web  # a Pod reaches itself through its Service too


def test_names(here: Space) -> None:
    here.service("web", clusterIP="None", ports=[{"name": "http", "port": 8080}])
    for name in ("a", "b"):
        here.pod(name, SERVER, labels={"app": "web"}, hostname=name, subdomain="web")
    here.create("services", {"metadata": {"name": "out"}, "spec": {"type": "ExternalName", "externalName": "web"}})
    here.pod("client")
    pods = {name: here.ready(name)["status"]["podIP"] for name in ("a", "b")}
    here.ready("client")
    domain = f"{here.name}.svc.cluster.local"
    assert set(pods.values()) <= set(here.sh("client", f"nslookup web.{domain}").split())
    assert many(here, "client", "http://a.web:8080/", 1) == {"a": 1}
    records = here.sh("client", f"nslookup -type=srv _http._tcp.web.{domain}")
    assert f"8080 a.web.{domain}" in records
    assert f"8080 b.web.{domain}" in records
    assert pods["a"] in here.sh("a", "cat /etc/hosts")
    assert here.sh("a", "hostname -f 2>/dev/null || hostname").strip() in ("a", f"a.web.{domain}")
    assert "NXDOMAIN" in here.sh("client", f"nslookup nothing.{domain} 2>&1 || true")
    kubernetes = here.sh("client", "nslookup kubernetes.default.svc.cluster.local")
    assert "10.96.0.1" in kubernetes


def test_session_affinity(here: Space) -> None:
    here.deployment("web", 3, SERVER)
    here.service("web", sessionAffinity="ClientIP")
    here.pod("client")
    here.ready("client")
    here.rolled_out("web")
    assert len(many(here, "client", "http://web/", 20)) == 1


def test_without_endpoints_a_connection_is_refused_at_once(here: Space) -> None:
    here.service("web", type="NodePort")
    here.pod("client")
    here.ready("client")
    assert "refused" in here.sh("client", "wget -qO- http://web/ 2>&1 || true").lower()
    here.pod("web", SERVER)
    here.ready("web")
    assert many(here, "client", "http://web/", 3) == {"web": 3}


def test_a_service_of_a_pod_in_the_host_network(here: Space) -> None:
    serve = "mkdir /www; echo host > /www/index.html; exec httpd -f -p 18080 -h /www"
    here.pod("web", main(["sh", "-c", serve]), hostNetwork=True)
    here.service("web", ports=[{"port": 80, "targetPort": 18080}])
    here.pod("client")
    here.ready("web")
    here.ready("client")
    here.sh("client", "until wget -qO- http://web/ 2>/dev/null; do sleep 0.05; done")
    assert many(here, "client", "http://web/", 5) == {"host": 5}


def test_udp(recipes: Cluster, here: Space) -> None:
    here.pod("web", main(["python3", "-c", UDP_SERVER], image="web", readinessProbe=BOUND))
    service = here.service("web", ports=[{"port": 53, "targetPort": 5000, "protocol": "UDP"}])
    here.pod("client", main(image="web"))
    here.ready("web")
    here.ready("client")
    assert here.kubectl("exec", "client", "--", "python3", "-c", UDP_CLIENT, "web").stdout.strip() == "got hello"
    address = service["spec"]["clusterIP"]
    assert here.cluster.run([sys.executable, "-c", UDP_CLIENT, address]).stdout.strip() == "got hello"


def test_the_api_from_a_pod(recipes: Cluster, here: Space) -> None:
    """``kubernetes.default`` is reachable with the cluster's CA, and lets nobody in without credentials."""
    script = """
import json, ssl, sys, urllib.error, urllib.request
context = ssl.create_default_context(cafile="/ca/ca.crt")
def ask(path, **headers):
    request = urllib.request.Request("https://kubernetes.default.svc" + path, headers=headers)
    try:
        return urllib.request.urlopen(request, context=context, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code
print(json.dumps([ask("/version"), ask("/api/v1/pods"), ask("/api/v1/pods", Authorization="Bearer nonsense")]))
"""
    here.pod(
        "client",
        main(
            ["python3", "-c", script],
            image="web",
            volumeMounts=[{"name": "ca", "mountPath": "/ca"}],
        ),
        volumes=[{"name": "ca", "configMap": {"name": "kube-root-ca.crt"}}],
        restartPolicy="Never",
    )
    done: Object = here.done("client")
    assert done["status"]["phase"] == "Succeeded", here.log("client")
    version, anonymous, wrong = json.loads(here.log("client"))
    assert version == 200
    assert anonymous in (401, 403)
    assert wrong == 401


def test_nothing_leaves_for_addresses_that_nobody_has(here: Space) -> None:
    here.pod("client")
    here.ready("client")
    for address in ("10.244.200.200", "10.96.200.200"):
        said = here.sh("client", f"wget -qO- http://{address}/ 2>&1 || true").lower()
        assert "no route to host" in said or "refused" in said
