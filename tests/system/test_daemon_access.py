"""Tokens, roles and identities on a whole daemon, with the real kubectl and a program in a Pod."""

from __future__ import annotations

import json

from tests.support.cluster import Cluster

CALLER = """
apiVersion: v1
kind: Pod
metadata: {name: caller}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: web
    command: [python3, -c, "import time; time.sleep(3600)"]
"""
ASK = """
import json, ssl, urllib.request, urllib.error
folder = "/var/run/secrets/kubernetes.io/serviceaccount/"
context = ssl.create_default_context(cafile=folder + "ca.crt")
url = "https://kubernetes.default.svc/api/v1/namespaces/" + open(folder + "namespace").read() + "/pods"
request = urllib.request.Request(url, headers={"Authorization": "Bearer " + open(folder + "token").read()})
try:
    print(urllib.request.urlopen(request, context=context).status)
except urllib.error.HTTPError as error:
    print(error.code, json.load(error)["message"])
"""


def test_access(recipes: Cluster) -> None:
    cluster, kubectl = recipes, recipes.kubectl
    try:
        cluster.apply(CALLER)
        kubectl("wait", "--for=condition=Ready", "pod/caller", "--timeout=30s")
        asked = kubectl("exec", "caller", "--", "python3", "-c", ASK).stdout
        assert asked.startswith(
            '403 pods is forbidden: User "system:serviceaccount:default:default" cannot list resource "pods"'
        )
        kubectl("create", "rolebinding", "caller", "--clusterrole=view", "--serviceaccount=default:default")
        assert kubectl("exec", "caller", "--", "python3", "-c", ASK).stdout == "200\n"

        account = "--as=system:serviceaccount:default:default"
        assert kubectl("auth", "can-i", "list", "pods", account).stdout == "yes\n"
        assert kubectl("auth", "can-i", "delete", "pods", account, check=False).stdout == "no\n"
        assert "selfsubjectreviews.authentication.k8s.io" in kubectl("auth", "can-i", "--list", account).stdout
        assert "system:serviceaccounts:default" in kubectl("auth", "whoami", account).stdout
        assert "kubernetes-admin" in kubectl("auth", "whoami").stdout

        token = kubectl("create", "token", "default", "--duration=10m").stdout.strip()
        server = cluster.json("config", "view")["clusters"][0]["cluster"]["server"]
        alone = ["--kubeconfig=/dev/null", f"--server={server}", "--insecure-skip-tls-verify", f"--token={token}"]
        who = json.loads(kubectl("auth", "whoami", "-o", "json", *alone).stdout)
        assert who["status"]["userInfo"]["username"] == "system:serviceaccount:default:default"
        assert kubectl("get", "pods", *alone).stdout
        assert "Forbidden" in kubectl("get", "secrets", *alone, check=False).stderr
    finally:
        kubectl("delete", "rolebinding/caller", "pod/caller", "--ignore-not-found", "--wait=false")
