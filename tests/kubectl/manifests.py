"""Manifests that several tests apply."""

from __future__ import annotations

import os

IMAGE = os.environ.get("NSORCH_KUBECTL_IMAGE", "busybox:latest")
"""An image that the cluster has, with a shell and sleep."""


def deployment(name: str = "web", replicas: int = 3, version: str = "one", image: str = IMAGE) -> str:
    """A Deployment whose Pods carry ``version`` in a variable."""
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  labels: {{app: {name}, tier: front}}
spec:
  replicas: {replicas}
  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: main
        image: {image}
        command: [sleep, "100000"]
        env:
        - {{name: VERSION, value: {version}}}
        ports:
        - {{name: http, containerPort: 8080}}
"""


def service(name: str = "web") -> str:
    """A Service before the Deployment of the same name."""
    return f"""
apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  selector: {{app: {name}}}
  ports:
  - {{name: http, port: 80, targetPort: http}}
"""


def config(name: str = "settings", **data: str) -> str:
    """A ConfigMap."""
    lines = "".join(f"\n  {key}: {value!r}" for key, value in data.items())
    return f"""
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
data:{lines or " {}"}
"""


def pod(name: str = "one", image: str = IMAGE, labels: str = "{app: one}") -> str:
    """A bare Pod that sleeps."""
    return f"""
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  labels: {labels}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: {image}
    command: [sleep, "100000"]
"""
