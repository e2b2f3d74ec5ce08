"""The daemon is killed while Pods are being started and stopped: nothing is lost, doubled, restarted or left behind."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.support.cluster import Cluster
from tests.support.node_host import busybox_archive

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: busybox
        imagePullPolicy: IfNotPresent
        command: [sh, -c, "trap 'exit 0' TERM; while true; do sleep 0.2; done"]
"""


@pytest.mark.timeout(180)
def test_pods_settle_after_every_kill(tmp_path: Path) -> None:
    chance = random.Random(20)
    with Cluster() as cluster:
        cluster.nsorch("image", "load", str(busybox_archive(tmp_path / "busybox.tar", ["busybox:latest"])))
        cluster.apply(DEPLOYMENT)
        for replicas in (12, 4, 15, 0):
            cluster.kubectl("scale", "deployment/web", f"--replicas={replicas}")
            time.sleep(chance.random() * 0.15)  # not synchronisation: any moment is a good moment to be killed
            os.kill(cluster.daemon_pid(), signal.SIGKILL)
            cluster.up()

            def settled(wanted: int = replicas) -> bool:
                pods = cluster.json("get", "pods")["items"]
                sockets = list((cluster.root / "run" / "pods").glob("*.sock"))
                folders = list((cluster.root / "pods").iterdir())
                running = [pod for pod in pods if pod["status"].get("phase") == "Running"]
                # One more is the cluster's DNS.
                return len(pods) == len(running) == wanted and len(sockets) == len(folders) == wanted + 1

            cluster.eventually(settled, what=f"exactly {replicas} Pods, each with its supervisor and folder")
            for pod in cluster.json("get", "pods")["items"]:
                assert [item["restartCount"] for item in pod["status"]["containerStatuses"]] == [0]
