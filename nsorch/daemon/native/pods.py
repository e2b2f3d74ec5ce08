"""``/nsorch/v1/explain`` and ``/nsorch/v1/status``: what runs, and how."""

from __future__ import annotations

import os
import time
from collections import Counter

import psutil
from aiohttp import web

from nsorch.api import failures
from nsorch.api.settings import GIT_VERSION
from nsorch.daemon.settings import Settings
from nsorch.images.store import ImageStore
from nsorch.kit.paths import Paths
from nsorch.node.compiler.explain import explain
from nsorch.resources import Pod, Service
from nsorch.resources.client import Client
from nsorch.resources.kinds import REGISTRY
from nsorch.supervisor.plan import PodPlan


class PodRoutes:
    """Read-only answers about the daemon and its Pods."""

    def __init__(self, client: Client, images: ImageStore, paths: Paths, settings: Settings) -> None:
        self._client = client
        self._images = images
        self._paths = paths
        self._settings = settings
        self._started = time.time()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/nsorch/v1/explain/{namespace}/{name}", self.explain),
            web.get("/nsorch/v1/status", self.status),
        ]

    async def explain(self, request: web.Request) -> web.Response:
        namespace, name = request.match_info["namespace"], request.match_info["name"]
        pod = self._client.get(Pod, namespace, name)
        if pod is None:
            raise failures.not_found(REGISTRY.of(Pod), name)
        file = self._paths.pod(pod.uid) / "plan.json"
        try:
            plan = PodPlan.from_json(file.read_bytes())
        except FileNotFoundError:
            phase = pod.status.phase or "Pending"
            raise failures.bad_request(f'cannot explain pod "{name}": it is {phase} and has no plan yet') from None
        return web.json_response({"steps": explain(plan)})

    async def status(self, request: web.Request) -> web.Response:
        phases = Counter(pod.status.phase or "Pending" for pod in self._client.list(Pod))
        settings = self._settings
        return web.json_response(
            {
                "version": GIT_VERSION,
                "pid": os.getpid(),
                "started": self._started,
                "memory": psutil.Process().memory_info().rss,
                "root": str(self._paths.root),
                "socket": str(self._paths.api_socket),
                "kubeconfig": str(self._paths.kubeconfig),
                "url": f"https://{settings.node_address}:{settings.api_port}",
                "node": settings.node_name,
                "address": settings.node_address,
                "podCIDR": settings.pod_cidr,
                "serviceCIDR": settings.service_cidr,
                "pods": dict(sorted(phases.items())),
                "services": len(self._client.list(Service)),
                "images": len(self._images.list()),
            }
        )
