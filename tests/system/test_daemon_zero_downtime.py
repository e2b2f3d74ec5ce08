"""No request is lost while Pods come and go: a load on the Service from the host and from another Pod."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from tests.support.cluster import Cluster
from tests.support.load import Load
from tests.support.servers import httpd, web
from tests.support.space import Object, Space, network_of


@contextlib.contextmanager
def loads(here: Space, name: str, *, kept: int = 0, path: str = "/") -> Iterator[tuple[Load, Load]]:
    """A load from the host and one from a Pod; nothing of it may have failed at the end."""
    address = here.get("services", name)["spec"]["clusterIP"]
    here.pod("client")
    client = network_of(here.state(here.ready("client"))["containers"][0]["pid"])
    with (
        Load(here.cluster.namespace, address, fresh=2, kept=kept, path=path) as outside,
        Load(client, address, fresh=2, kept=kept, path=path) as inside,
    ):
        yield outside, inside
        outside.more(20)
        inside.more(20)
    outside.check()
    inside.check()


def set_container(here: Space, name: str, container: Object, **annotations: str) -> None:
    template: dict[str, Any] = {"spec": {"containers": [container]}, "metadata": {"annotations": annotations}}
    here.patch("deployments", name, {"spec": {"template": template}})


def test_every_way_to_change_pods(here: Space) -> None:
    here.deployment("web", 3, httpd())
    here.service("web")
    here.rolled_out("web")
    with loads(here, "web") as (outside, inside):
        set_container(here, "web", httpd("2"))
        here.rolled_out("web")
        here.kubectl("rollout", "undo", "deployment/web")
        here.rolled_out("web")
        here.kubectl("rollout", "restart", "deployment/web")
        here.rolled_out("web")
        for replicas in (5, 1, 3):
            here.patch("deployments", "web", {"spec": {"replicas": replicas}})
            here.rolled_out("web")
        victim = here.pods_of("web")[0]["metadata"]["name"]
        here.delete("pods", victim)
        here.gone(victim)
        here.rolled_out("web")
    for load in (outside, inside):
        assert set(load.answers) == {"1", "2"}


def test_servers_that_keep_connections(recipes: Cluster, here: Space) -> None:
    here.deployment("web", 2, web())
    here.service("web")
    here.rolled_out("web")
    with loads(here, "web", kept=2, path="/healthz"):
        set_container(here, "web", web("2"))
        here.rolled_out("web")
        here.kubectl("rollout", "undo", "deployment/web")
        here.rolled_out("web")
        here.delete("pods", here.pods_of("web")[0]["metadata"]["name"])
        here.rolled_out("web")


def test_one_pod_that_is_replaced_by_one(here: Space) -> None:
    """The default strategy of a Deployment with a single replica: the new Pod first."""
    here.deployment("web", 1, httpd())
    here.service("web")
    here.rolled_out("web")
    with loads(here, "web"):
        set_container(here, "web", httpd("2"))
        here.rolled_out("web")


def test_session_affinity_lets_go_of_a_pod_that_leaves(here: Space) -> None:
    here.deployment("web", 3, httpd())
    here.service("web", sessionAffinity="ClientIP")
    here.rolled_out("web")
    with loads(here, "web"):
        here.kubectl("rollout", "restart", "deployment/web")
        here.rolled_out("web")
