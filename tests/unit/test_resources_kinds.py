"""Defaults, strategies, validation and columns of the kinds, as a cluster of Kubernetes has them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from nsorch.resources import Deployment, Namespace, Pod, ReplicaSet, Secret, Service
from nsorch.resources.kinds import REGISTRY
from nsorch.resources.pod_defaults import image_pull_policy
from nsorch.resources.qos import qos_class
from tests.support.kinds import DEPLOYMENT, POD, SERVICE, Data, changed, made, update, wrong


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.25", "IfNotPresent"),
        ("localhost:5000/nginx", "Always"),
        ("localhost:5000/nginx:2", "IfNotPresent"),
        ("nginx@sha256:0123", "IfNotPresent"),
    ],
)
def test_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    assert image_pull_policy(image) == policy


def test_pod_defaults() -> None:
    document = changed(POD, "spec.volumes", [{"name": "x"}, {"name": "y", "secret": {"secretName": "s"}}])
    document["spec"]["containers"][0] |= {
        "ports": [{"containerPort": 80}],
        "livenessProbe": {"httpGet": {"port": 80}},
        "resources": {"limits": {"cpu": 1, "memory": "0.5Gi"}, "requests": {"cpu": "500m"}},
        "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
    }
    spec = made(document).to_dict()["spec"]
    assert spec["containers"][0] == {
        "name": "c",
        "image": "nginx:1.25",
        "imagePullPolicy": "IfNotPresent",
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "ports": [{"containerPort": 80, "protocol": "TCP"}],
        "env": [{"name": "IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}}],
        "livenessProbe": {
            "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
            "timeoutSeconds": 1,
            "periodSeconds": 10,
            "successThreshold": 1,
            "failureThreshold": 3,
        },
        "resources": {
            "limits": {"cpu": "1", "memory": "512Mi"},
            "requests": {"cpu": "500m", "memory": "512Mi"},
        },
    }
    del spec["containers"]
    assert spec == {
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": True,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
        "volumes": [
            {"name": "x", "emptyDir": {}},
            {"name": "y", "secret": {"secretName": "s", "defaultMode": 420}},
        ],
    }


def test_a_new_pod_is_pending_whatever_it_claims() -> None:
    pod = made(changed(POD, "status", {"phase": "Running", "podIP": "10.0.0.1"}))
    assert pod.to_dict()["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert pod.metadata.generation == 1


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
        ({"limits": {"memory": "1Gi"}}, "Burstable"),
    ],
)
def test_qos_class(resources: Data, expected: str) -> None:
    assert qos_class(made(changed(POD, "spec.containers.0.resources", resources)).spec) == expected


@pytest.mark.parametrize(
    ("path", "value", "field", "message"),
    [
        ("metadata.name", "Web", "metadata.name", 'Invalid value: "Web": a lowercase RFC 1123 subdomain'),
        ("metadata.labels", {"a b": "c"}, "metadata.labels", 'Invalid value: "a b": name part must consist'),
        ("metadata.labels", {"a": "-"}, "metadata.labels", 'Invalid value: "-": a valid label must be'),
        ("metadata.annotations", {"a": "x" * 262144}, "metadata.annotations", "Too long: may not be more than 262144"),
        ("metadata.finalizers", ["mine"], "metadata.finalizers", 'Invalid value: "mine": name is neither'),
        ("spec.containers", [], "spec.containers", "Required value"),
        ("spec.containers.0.image", "", "spec.containers[0].image", "Required value"),
        ("spec.containers.0.name", "A", "spec.containers[0].name", 'Invalid value: "A": a lowercase RFC 1123 label'),
        ("spec.restartPolicy", "Often", "spec.restartPolicy", 'Unsupported value: "Often": supported values: "Always"'),
        ("spec.nodeSelector", {"a": "b c"}, "spec.nodeSelector", 'Invalid value: "b c"'),
        (
            "spec.containers.0.ports",
            [{"containerPort": 70000}],
            "spec.containers[0].ports[0].containerPort",
            "Invalid value: 70000: must be between 1 and 65535, inclusive",
        ),
        (
            "spec.containers.0.ports",
            [{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}],
            "spec.containers[0].ports[1].name",
            'Duplicate value: "a"',
        ),
        (
            "spec.containers.0.volumeMounts",
            [{"name": "gone", "mountPath": "/x"}],
            "spec.containers[0].volumeMounts[0].name",
            'Not found: "gone"',
        ),
        (
            "spec.containers.0.resources",
            {"requests": {"cpu": 2}, "limits": {"cpu": 1}},
            "spec.containers[0].resources.requests",
            'Invalid value: "2": must be less than or equal to cpu limit of 1',
        ),
        (
            "spec.containers.0.resources",
            {"limits": {"memory": "-1"}},
            "spec.containers[0].resources.limits[memory]",
            'Invalid value: "-1": must be greater than or equal to 0',
        ),
        ("spec.containers.0.env", [{"name": "A=B"}], "spec.containers[0].env[0].name", 'Invalid value: "A=B"'),
        (
            "spec.containers.0.env",
            [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.what"}}}],
            "spec.containers[0].env[0].valueFrom.fieldRef.fieldPath",
            'Unsupported value: "spec.what"',
        ),
        ("spec.containers.0.livenessProbe", {}, "spec.containers[0].livenessProbe", "Required value: must specify a"),
        (
            "spec.containers.0.livenessProbe",
            {"tcpSocket": {"port": 1}, "successThreshold": 2},
            "spec.containers[0].livenessProbe.successThreshold",
            "Invalid value: 2: must be 1",
        ),
        (
            "spec.volumes",
            [{"name": "a"}, {"name": "a"}],
            "spec.volumes[1].name",
            'Duplicate value: "a"',
        ),
        (
            "spec.volumes",
            [{"name": "a", "emptyDir": {}, "hostPath": {"path": "/"}}],
            "spec.volumes[0].hostPath",
            "Forbidden: may not specify more than 1 volume type",
        ),
        ("spec.volumes", [{"name": "a", "configMap": {}}], "spec.volumes[0].configMap.name", "Required value"),
        (
            "spec.volumes",
            [{"name": "a", "hostPath": {"path": "/a/../b"}}],
            "spec.volumes[0].hostPath.path",
            "Invalid value: \"/a/../b\": must not contain '..'",
        ),
        ("spec.initContainers", [{"name": "c", "image": "x"}], "spec.containers[0].name", 'Duplicate value: "c"'),
        ("spec.dnsPolicy", "None", "spec.dnsConfig", "Required value: must provide `dnsConfig`"),
        ("spec.hostAliases", [{"ip": "1.2.3"}], "spec.hostAliases[0].ip", 'Invalid value: "1.2.3": must be a valid IP'),
        ("spec.tolerations", [{"operator": "Equal"}], "spec.tolerations[0].operator", "Invalid value"),
        ("spec.activeDeadlineSeconds", 0, "spec.activeDeadlineSeconds", "Invalid value: 0: must be between 1 and"),
        (
            "spec.securityContext",
            {"runAsUser": -1},
            "spec.securityContext.runAsUser",
            "Invalid value: -1: must be between",
        ),
    ],
)
def test_what_is_wrong_with_a_pod(path: str, value: Any, field: str, message: str) -> None:
    found = wrong(changed(POD, path, value))
    assert any(where == field and text.startswith(message) for where, text in found), found


def test_a_good_pod_has_nothing_wrong() -> None:
    assert wrong(POD) == wrong(DEPLOYMENT) == wrong(SERVICE) == []


def test_host_ports_clash_inside_a_pod() -> None:
    two = [{"name": name, "image": "x", "ports": [{"containerPort": 80, "hostPort": 8080}]} for name in ("a", "b")]
    assert wrong(changed(POD, "spec.containers", two)) == [
        ("spec.containers[1].ports[0].hostPort", 'Duplicate value: "TCP//8080"')
    ]


def test_of_a_pod_only_few_fields_change() -> None:
    pod = made(POD)
    new, causes = update(pod, changed(POD, "spec.containers.0.image", "nginx:2"))
    assert causes == []
    assert new.metadata.generation == 2
    _, causes = update(pod, changed(POD, "spec.containers.0.command", ["x"]))
    assert [(cause.reason, cause.field) for cause in causes] == [("FieldValueForbidden", "spec")]
    assert causes[0].message.startswith("Forbidden: pod updates may not change fields other than `spec.containers")
    _, causes = update(pod, {**POD, "spec": {"containers": []}})
    assert any(cause.message == "Forbidden: pod updates may not add or remove containers" for cause in causes)


def test_status_writes_change_status_only() -> None:
    pod = made(POD)
    kind = REGISTRY.of(Pod)
    new = kind.model.from_dict(
        {
            **POD,
            "metadata": {**POD["metadata"], "labels": {"x": "y"}},
            "spec": {"containers": []},
            "status": {"phase": "Running"},
        }
    )
    assert kind.prepare_status is not None
    kind.prepare_status(new, pod)
    assert new.spec == pod.spec
    assert new.metadata.labels is None
    assert (new.status.phase, new.status.qosClass) == ("Running", "BestEffort")


def test_deployment_defaults() -> None:
    spec = made(DEPLOYMENT).spec
    assert (spec.replicas, spec.revisionHistoryLimit, spec.progressDeadlineSeconds) == (1, 10, 600)
    assert spec.strategy.to_dict() == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    }
    assert spec.template.spec.enableServiceLinks is None


@pytest.mark.parametrize(
    ("path", "value", "field", "message"),
    [
        (
            "spec.template.metadata.labels",
            {"app": "x"},
            "spec.template.metadata.labels",
            'Invalid value: {"app":"x"}: `selector` does not match template `labels`',
        ),
        ("spec.selector", {}, "spec.selector", "Invalid value: {}: empty selector is invalid for deployment"),
        ("spec.replicas", -1, "spec.replicas", "Invalid value: -1: must be greater than or equal to 0"),
        (
            "spec.template.spec.restartPolicy",
            "Never",
            "spec.template.spec.restartPolicy",
            'Unsupported value: "Never": supported values: "Always"',
        ),
        (
            "spec.strategy",
            {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}},
            "spec.strategy.rollingUpdate.maxUnavailable",
            'Invalid value: "0%": may not be 0 when `maxSurge` is 0',
        ),
        (
            "spec.strategy",
            {"rollingUpdate": {"maxUnavailable": "101%"}},
            "spec.strategy.rollingUpdate.maxUnavailable",
            'Invalid value: "101%": must not be greater than 100%',
        ),
        (
            "spec.strategy",
            {"rollingUpdate": {"maxSurge": "lots"}},
            "spec.strategy.rollingUpdate.maxSurge",
            'Invalid value: "lots": a valid percent string must be',
        ),
        (
            "spec.strategy",
            {"type": "Recreate", "rollingUpdate": {}},
            "spec.strategy.rollingUpdate",
            "Forbidden: may not be specified when strategy `type` is 'Recreate'",
        ),
        (
            "spec.progressDeadlineSeconds",
            0,
            "spec.progressDeadlineSeconds",
            "Invalid value: 0: must be greater than minReadySeconds",
        ),
    ],
)
def test_what_is_wrong_with_a_deployment(path: str, value: Any, field: str, message: str) -> None:
    found = wrong(changed(DEPLOYMENT, path, value))
    assert any(where == field and text.startswith(message) for where, text in found), found


def test_selectors_never_change_and_generations_count() -> None:
    deployment = made(DEPLOYMENT)
    other = changed(
        changed(DEPLOYMENT, "spec.selector.matchLabels", {"a": "b"}), "spec.template.metadata.labels", {"a": "b"}
    )
    _, causes = update(deployment, other)
    assert [(cause.field, cause.message) for cause in causes] == [
        ("spec.selector", 'Invalid value: {"matchLabels":{"a":"b"}}: field is immutable')
    ]
    assert update(deployment, DEPLOYMENT)[0].metadata.generation == 1
    assert update(deployment, changed(DEPLOYMENT, "spec.replicas", 3))[0].metadata.generation == 2
    assert update(deployment, changed(DEPLOYMENT, "metadata.annotations", {"a": "b"}))[0].metadata.generation == 2


def test_service_defaults() -> None:
    assert made(SERVICE).to_dict()["spec"] == {
        "selector": {"app": "web"},
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
    }
    sticky = made(changed(changed(SERVICE, "spec.sessionAffinity", "ClientIP"), "spec.type", "NodePort")).spec
    assert sticky.sessionAffinityConfig.clientIP.timeoutSeconds == 10800
    assert sticky.externalTrafficPolicy == "Cluster"
    external = made(changed(SERVICE, "spec", {"type": "ExternalName", "externalName": "example.com"}))
    assert external.to_dict()["spec"] == {
        "type": "ExternalName",
        "externalName": "example.com",
        "sessionAffinity": "None",
    }


@pytest.mark.parametrize(
    ("path", "value", "field", "message"),
    [
        ("metadata.name", "1web", "metadata.name", 'Invalid value: "1web": a DNS-1035 label must'),
        ("spec.ports", [], "spec.ports", "Required value"),
        ("spec.ports", [{"port": 0}], "spec.ports[0].port", "Invalid value: 0: must be between 1 and 65535"),
        ("spec.ports", [{"port": 1}, {"port": 2, "name": "b"}], "spec.ports[0].name", "Required value"),
        (
            "spec.ports",
            [{"port": 1, "name": "a"}, {"port": 1, "name": "b"}],
            "spec.ports[1]",
            'Duplicate value: {"protocol":"TCP","port":1}',
        ),
        (
            "spec.ports",
            [{"port": 1, "nodePort": 30000}],
            "spec.ports[0].nodePort",
            "Forbidden: may not be used when `type` is 'ClusterIP'",
        ),
        (
            "spec.ports.0.protocol",
            "ICMP",
            "spec.ports[0].protocol",
            'Unsupported value: "ICMP": supported values: "SCTP"',
        ),
        (
            "spec.type",
            "Magic",
            "spec.type",
            'Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName"',
        ),
        ("spec.type", "ExternalName", "spec.externalName", "Required value"),
        ("spec.clusterIP", "here", "spec.clusterIPs[0]", 'Invalid value: "here": must be a valid IP address'),
        ("spec.sessionAffinity", "Sticky", "spec.sessionAffinity", 'Unsupported value: "Sticky"'),
    ],
)
def test_what_is_wrong_with_a_service(path: str, value: Any, field: str, message: str) -> None:
    found = wrong(changed(SERVICE, path, value))
    assert any(where == field and text.startswith(message) for where, text in found), found


def test_a_service_keeps_what_was_allocated() -> None:
    service = made(changed(SERVICE, "spec.type", "NodePort"))
    service.spec.clusterIP, service.spec.clusterIPs = "10.96.0.5", ["10.96.0.5"]
    service.spec.ports[0].nodePort = 30001
    new, causes = update(service, changed(SERVICE, "spec.type", "NodePort"))
    assert causes == []
    assert (new.spec.clusterIP, new.spec.clusterIPs, new.spec.ports[0].nodePort) == ("10.96.0.5", ["10.96.0.5"], 30001)
    new, causes = update(service, changed(SERVICE, "spec.ports", [{"port": 80, "nodePort": 30001}]))
    assert causes == []
    assert new.spec.ports[0].nodePort is None
    assert new.spec.externalTrafficPolicy is None
    _, causes = update(service, changed(changed(SERVICE, "spec.type", "NodePort"), "spec.clusterIP", "10.96.0.6"))
    assert [cause.message for cause in causes] == ['Invalid value: ["10.96.0.6"]: may not change once set']


def test_string_data_of_a_secret_becomes_data() -> None:
    secret = made({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "ä"}})
    assert isinstance(secret, Secret)
    assert secret.type == "Opaque"
    assert secret.stringData is None
    assert secret.data == {"a": base64.b64encode("ä".encode()).decode()}


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"kind": "Secret", "data": {"a/b": ""}}, "data[a/b]"),
        ({"kind": "Secret", "data": {"a": "not base64!"}}, "data[a]"),
        ({"kind": "Secret", "type": "kubernetes.io/tls", "data": {"tls.crt": ""}}, "data[tls.key]"),
        ({"kind": "ConfigMap", "data": {"..a": ""}}, "data[..a]"),
        ({"kind": "ConfigMap", "data": {"a": "x" * (1024 * 1024 + 1)}}, ""),
        ({"kind": "ConfigMap", "data": {"a": ""}, "binaryData": {"a": ""}}, "data[a]"),
        ({"kind": "Namespace", "metadata": {"name": "a.b"}}, "metadata.name"),
    ],
)
def test_what_is_wrong_with_data(document: Data, field: str) -> None:
    assert [where for where, _ in wrong({"apiVersion": "v1", "metadata": {"name": "x"}, **document})] == [field]


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_immutable_data_stays(kind: str) -> None:
    document = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}, "data": {"a": "YQ=="}, "immutable": True}
    _, causes = update(made(document), {**document, "data": {"a": "Yg=="}})
    assert [(cause.field, cause.message) for cause in causes] == [
        ("data", "Forbidden: field is immutable when `immutable` is set")
    ]
    _, causes = update(made(document), {**document, "immutable": False})
    assert [cause.field for cause in causes] == ["immutable"]


def test_namespaces_are_born_active_with_finalizer_and_label() -> None:
    namespace = made({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}})
    assert isinstance(namespace, Namespace)
    assert namespace.to_dict() == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "x", "labels": {"kubernetes.io/metadata.name": "x"}},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def test_events_live_beside_their_object() -> None:
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "a"},
        "involvedObject": {"namespace": "b"},
    }
    assert wrong(event) == [("involvedObject.namespace", 'Invalid value: "b": does not match event.namespace')]


def test_fields_that_cannot_act_here_are_told() -> None:
    def told(document: Data) -> list[str]:
        obj = made(document)
        return REGISTRY.of(type(obj)).warnings(obj)

    assert told(POD) == told(DEPLOYMENT) == told(SERVICE) == []
    claim = changed(POD, "spec.volumes", [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}])
    assert told(claim)[0].startswith("spec.volumes[0].persistentVolumeClaim: this volume type cannot be mounted")
    assert told(changed(DEPLOYMENT, "spec.template.spec.runtimeClassName", "gvisor"))[0].startswith(
        "spec.template.spec.runtimeClassName: stored but has no effect"
    )
    assert told(changed(SERVICE, "spec.type", "LoadBalancer"))[0].startswith("spec.type: no load balancer")


def test_field_selectors_of_pods_and_others() -> None:
    pod = made(changed(POD, "spec.nodeName", "n"))
    values = {name: value(pod) for name, value in REGISTRY.of(Pod).fields.items()}
    assert values["spec.nodeName"] == "n"
    assert values["status.phase"] == "Pending"
    assert values["spec.hostNetwork"] == "false"
    assert REGISTRY.of(Service).fields["spec.type"](made(SERVICE)) == "ClusterIP"


def test_registry_finds_kinds_by_every_name() -> None:
    deployment = REGISTRY.of(Deployment)
    assert REGISTRY.at("apps", "v1", "deployments") is deployment
    assert REGISTRY.resource("deployments.apps") is deployment
    assert REGISTRY.named("apps/v1", "ReplicaSet") is REGISTRY.of(ReplicaSet)
    assert REGISTRY.named("apps/v2", "ReplicaSet") is None
    stored = [kind for kind in REGISTRY.kinds if kind.view is None]
    shorts = [name for kind in stored for name in (kind.plural, *kind.short_names)]
    assert len(shorts) == len(set(shorts))


def test_grace_of_pods() -> None:
    grace = REGISTRY.of(Pod).grace_seconds
    assert grace is not None
    assert grace(made(POD)) == 30
    assert grace(made(changed(POD, "spec.terminationGracePeriodSeconds", 0))) == 0
