"""lightkube: typed models, server-side apply, waits."""

from __future__ import annotations

import pytest
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.models.apps_v1 import DeploymentSpec
from lightkube.models.autoscaling_v1 import ScaleSpec
from lightkube.models.core_v1 import Container, PodSpec, PodTemplateSpec
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Pod
from lightkube.types import CascadeType, PatchType

from tests.clients.conftest import Place

LOOP = ["sh", "-c", "trap 'exit 0' TERM; echo started; while true; do sleep 0.05; done"]


@pytest.fixture
def api(place: Place) -> Client:
    return Client(config=KubeConfig.from_file(place.kubeconfig), namespace=place.name, field_manager="lightkube")


def configmap(name: str, **data: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, labels={"made": "here"}), data=data)


def test_create_get_replace_patch_delete(api: Client) -> None:
    made = api.create(configmap("a", x="1"))
    assert made.data is not None
    made.data["x"] = "2"
    assert api.replace(made).data == {"x": "2"}
    with pytest.raises(ApiError) as conflict:
        api.replace(made)
    assert (conflict.value.status.code, conflict.value.status.reason) == (409, "Conflict")
    assert api.patch(ConfigMap, "a", {"data": {"y": "3"}}).data == {"x": "2", "y": "3"}
    assert api.patch(ConfigMap, "a", {"data": {"y": None}}, patch_type=PatchType.MERGE).data == {"x": "2"}
    operations = [{"op": "add", "path": "/data/z", "value": "4"}]
    assert api.patch(ConfigMap, "a", operations, patch_type=PatchType.JSON).data == {"x": "2", "z": "4"}
    api.delete(ConfigMap, "a")
    with pytest.raises(ApiError) as gone:
        api.get(ConfigMap, "a")
    assert gone.value.status.reason == "NotFound"


def test_apply_and_its_conflicts(api: Client) -> None:
    def declared(**data: str) -> ConfigMap:
        return ConfigMap(apiVersion="v1", kind="ConfigMap", metadata=ObjectMeta(name="a"), data=data)

    assert api.apply(declared(x="1", y="1")).data == {"x": "1", "y": "1"}
    assert api.apply(declared(x="1")).data == {"x": "1"}
    with pytest.raises(ApiError) as conflict:
        api.apply(declared(x="2"), field_manager="other")
    assert conflict.value.status.code == 409
    assert api.apply(declared(x="2"), field_manager="other", force=True).data == {"x": "2"}


def test_lists_in_chunks_and_selected(api: Client) -> None:
    for number in range(5):
        api.create(configmap(f"c{number}"))
    found = [item.metadata.name for item in api.list(ConfigMap, labels={"made": "here"}, chunk_size=2)]
    assert found == [f"c{number}" for number in range(5)]
    one = list(api.list(ConfigMap, fields={"metadata.name": "c2"}))
    assert len(one) == 1
    api.deletecollection(ConfigMap)


def test_watch(api: Client) -> None:
    api.create(configmap("a"))
    seen = []
    for kind, found in api.watch(ConfigMap, labels={"made": "here"}, server_timeout=20):
        seen.append((kind, found.metadata.name))
        if len(seen) == 1:
            api.delete(ConfigMap, "a")
        else:
            break
    assert seen == [("ADDED", "a"), ("DELETED", "a")]


def test_a_deployment_is_waited_for_and_scaled(api: Client) -> None:
    labels = {"app": "web"}
    spec = PodSpec(terminationGracePeriodSeconds=1, containers=[Container(name="main", image="busybox", command=LOOP)])
    template = PodTemplateSpec(metadata=ObjectMeta(labels=labels), spec=spec)
    wanted = DeploymentSpec(replicas=1, selector=LabelSelector(matchLabels=labels), template=template)
    api.create(Deployment(metadata=ObjectMeta(name="web"), spec=wanted))
    api.wait(Deployment, "web", for_conditions=["Available"])
    scaled = api.replace(Deployment.Scale(metadata=ObjectMeta(name="web"), spec=ScaleSpec(replicas=2)), "web")
    assert scaled.spec is not None
    assert scaled.spec.replicas == 2
    (pod, *_) = api.list(Pod, labels=labels)
    assert pod.metadata is not None
    api.wait(Pod, str(pod.metadata.name), for_conditions=["Ready"])
    assert next(iter(api.log(str(pod.metadata.name), follow=True))) == "started\n"
    api.delete(Deployment, "web", cascade=CascadeType.FOREGROUND)
