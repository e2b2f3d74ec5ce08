"""A real operator (kopf) on a real daemon: its own kind, status, Events, a timer and a finalizer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.cluster import PROJECT, Cluster
from tests.support.space import Space

DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: greetings.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: greetings, singular: greeting, kind: Greeting, shortNames: [gr]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns: [{name: Said, type: string, jsonPath: .status.said}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [text]
            properties: {text: {type: string}, whom: {type: string, default: world}}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""
GREETING = """
apiVersion: example.com/v1
kind: Greeting
metadata: {name: one}
spec: {text: hello}
"""


@pytest.fixture
def operator(daemon: Cluster, here: Space) -> Iterator[subprocess.Popen[str]]:
    daemon.apply(DEFINITION)
    argv = [sys.executable, "-m", "kopf", "run", "-n", here.name, "--standalone", "-m", "tests.support.operator"]
    process = subprocess.Popen(
        daemon.namespace.command(argv),
        env=daemon.environment,
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        output = process.communicate(timeout=20)[0]
        daemon.kubectl("delete", "crd", "greetings.example.com", "--timeout=20s")
        assert "Traceback" not in output, output
        assert "INSECURE" not in output, output


def test_an_operator_lives_here(daemon: Cluster, here: Space, operator: subprocess.Popen[str]) -> None:
    daemon.apply(GREETING, "-n", here.name)

    def field(path: str) -> str:
        return daemon.kubectl("get", "gr", "one", "-n", here.name, "-o", f"jsonpath={{{path}}}", check=False).stdout

    daemon.eventually(lambda: field(".status.said") == "hello, world", what="the operator's status")
    assert field(".status.greet.length") == "5"
    assert field(".metadata.finalizers[*]") == "example.com/greeter"
    daemon.kubectl("patch", "gr", "one", "-n", here.name, "--type=merge", "-p", '{"spec":{"text":"bye"}}')
    daemon.eventually(lambda: field(".status.said") == "bye, world", what="the operator's answer to a change")
    daemon.eventually(lambda: int(field(".status.ticks") or 0) >= 2, what="two ticks of the timer")
    assert operator.poll() is None
    daemon.kubectl("delete", "gr", "one", "-n", here.name, "--timeout=20s")
    assert field(".metadata.name") == ""
