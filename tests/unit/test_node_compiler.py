"""Pod -> plan: commands, variables, security, resources, mounts."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from nsorch.node.compiler.command import stop_signal
from nsorch.node.compiler.env import service_variables
from nsorch.node.compiler.expand import expand
from nsorch.node.compiler.explain import explain
from nsorch.node.compiler.inputs import Hold
from nsorch.node.compiler.security import ALL_CAPABILITIES, DEFAULT_CAPABILITIES
from nsorch.supervisor.plan import PodPlan
from tests.support.node_objects import (
    FakeConfig,
    a_config_map,
    a_pod,
    a_secret,
    a_service,
    around,
    compiled,
    main_plan,
)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$(A)", "1"),
        ("x$(A)y$(B)", "x1y2"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$(MISSING)", "$(MISSING)"),
        ("$A ${A} $", "$A ${A} $"),
        ("$(A", "$(A"),
        ("$(NESTED)", "$(A)"),
        ("", ""),
    ],
)
def test_references_expand_as_kubernetes_says(text: str, result: str) -> None:
    assert expand(text, {"A": "1", "B": "2", "NESTED": "$(A)"}) == result


@pytest.mark.parametrize(
    ("command", "args", "argv"),
    [
        (None, None, ("/entry", "-c", "cmd")),
        (["/own"], None, ("/own",)),
        (None, ["x"], ("/entry", "-c", "x")),
        (["/own"], ["x"], ("/own", "x")),
    ],
)
def test_command_and_args_over_entrypoint_and_cmd(
    command: list[str] | None, args: list[str] | None, argv: tuple[str, ...]
) -> None:
    config = FakeConfig(entrypoint=("/entry", "-c"), cmd=("cmd",))
    assert main_plan(a_pod({"command": command, "args": args}), around(config=config)).argv == argv


def test_nothing_to_run_is_a_create_error() -> None:
    plan = main_plan(a_pod(), around(config=FakeConfig(cmd=())))
    assert (plan.runnable, plan.hold_reason) == (False, "CreateContainerError")
    assert "no command specified" in plan.hold_message


def test_variables_come_in_kubernetes_order() -> None:
    container = {
        "envFrom": [{"configMapRef": {"name": "cm"}, "prefix": "CM_"}, {"secretRef": {"name": "s"}}],
        "env": [
            {"name": "PLAIN", "value": "v"},
            {"name": "REF", "value": "$(PLAIN)-$(CM_a)-$(LATER)"},
            {"name": "LATER", "value": "l"},
            {"name": "ONE", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "a"}}},
            {"name": "PW", "valueFrom": {"secretKeyRef": {"name": "s", "key": "pw"}}},
            {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "gone", "key": "x", "optional": True}}},
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "LABEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
            {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
            {"name": "MEM", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
        ],
        "args": ["$(PLAIN)", "$$(PLAIN)", "$(FROM_IMAGE)"],
        "resources": {"limits": {"cpu": "1500m"}},
    }
    plan = main_plan(
        a_pod(container, meta={"labels": {"app": "shop"}}),
        around(a_config_map("cm", a="1"), a_secret("s", pw="secret")),
    )
    env = dict(plan.env)
    assert env["PATH"] == "/usr/bin"
    assert env["FROM_IMAGE"] == "yes"
    assert env["HOSTNAME"] == "web"
    assert env["CM_a"] == "1"
    assert env["REF"] == "v-1-$(LATER)"
    assert (env["ONE"], env["PW"], env["pw"]) == ("1", "secret", "secret")
    assert "NONE" not in env
    assert (env["POD"], env["IP"], env["LABEL"]) == ("web", "10.244.0.7", "shop")
    assert (env["CPU"], env["MEM"]) == ("2", "1024")
    assert plan.argv == ("v", "$(PLAIN)", "$(FROM_IMAGE)")


@pytest.mark.parametrize(
    ("value_from", "message"),
    [
        ({"configMapKeyRef": {"name": "nope", "key": "a"}}, 'configmap "nope" not found'),
        ({"secretKeyRef": {"name": "nope", "key": "a"}}, 'secret "nope" not found'),
        ({"configMapKeyRef": {"name": "cm", "key": "b"}}, "couldn't find key b in ConfigMap shop/cm"),
    ],
)
def test_missing_configuration_holds_the_container(value_from: dict[str, Any], message: str) -> None:
    result = compiled(a_pod({"env": [{"name": "A", "valueFrom": value_from}]}), around(a_config_map("cm", a="1")))
    plan = result.plan.containers[0]
    assert (plan.runnable, plan.hold_reason, plan.hold_message) == (False, "CreateContainerConfigError", message)
    assert result.errors["main"].needs is not None


def test_a_missing_image_holds_only_its_container() -> None:
    plan = main_plan(a_pod(), around(image=Hold(reason="ErrImagePull", message="not here")))
    assert (plan.runnable, plan.hold_reason, plan.hold_message) == (False, "ErrImagePull", "not here")


def test_service_variables_of_the_own_namespace_and_kubernetes() -> None:
    services = [
        a_service("my-db", "10.96.0.5", {"port": 5432, "name": "pg"}, {"port": 53, "protocol": "UDP", "name": "x-y"}),
        a_service("headless", "None", {"port": 1}),
        a_service("other", "10.96.0.6", {"port": 1}, namespace="else"),
        a_service("kubernetes", "10.96.0.1", {"port": 443, "name": "https"}, namespace="default"),
    ]
    env = service_variables(services, "shop", links=True)
    assert env["MY_DB_SERVICE_HOST"] == "10.96.0.5"
    assert env["MY_DB_SERVICE_PORT"] == env["MY_DB_SERVICE_PORT_PG"] == "5432"
    assert env["MY_DB_SERVICE_PORT_X_Y"] == "53"
    assert env["MY_DB_PORT"] == "tcp://10.96.0.5:5432"
    assert env["MY_DB_PORT_53_UDP"] == "udp://10.96.0.5:53"
    assert env["MY_DB_PORT_53_UDP_PROTO"] == "udp"
    assert env["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"
    assert not any(name.startswith(("HEADLESS", "OTHER")) for name in env)
    without = service_variables(services, "shop", links=False)
    assert {name.split("_")[0] for name in without} == {"KUBERNETES"}


def test_security_defaults_and_overrides() -> None:
    plain = main_plan(a_pod()).security
    assert plain.capabilities == DEFAULT_CAPABILITIES
    assert "/proc/kcore" in plain.masked_paths
    assert not plain.no_new_privs
    pod_wide = {"securityContext": {"runAsUser": 5, "runAsGroup": 6, "fsGroup": 7, "supplementalGroups": [8]}}
    strict = main_plan(
        a_pod(
            {
                "securityContext": {
                    "runAsUser": 9,
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
                }
            },
            **pod_wide,
        )
    ).security
    assert (strict.user, strict.uid, strict.gid, strict.groups) == ("9:6", 9, 6, (8, 7))
    assert strict.capabilities == ("CAP_NET_BIND_SERVICE",)
    assert strict.no_new_privs
    assert strict.read_only_root
    boss = main_plan(a_pod({"securityContext": {"privileged": True}})).security
    assert boss.capabilities == ALL_CAPABILITIES
    assert boss.masked_paths == boss.read_only_paths == ()


@pytest.mark.parametrize(
    ("user", "context", "fragment"),
    [
        ("", {"runAsNonRoot": True}, "image will run as root"),
        ("app", {"runAsNonRoot": True}, "non-numeric user (app)"),
        ("", {"runAsNonRoot": True, "runAsUser": 0}, "breaks non-root policy"),
    ],
)
def test_run_as_non_root_refuses_root(user: str, context: dict[str, Any], fragment: str) -> None:
    plan = main_plan(a_pod({"securityContext": context}), around(config=FakeConfig(user=user)))
    assert not plan.runnable
    assert fragment in plan.hold_message


def test_run_as_non_root_accepts_a_numeric_user() -> None:
    plan = main_plan(a_pod({"securityContext": {"runAsNonRoot": True}}), around(config=FakeConfig(user="1000:1000")))
    assert plan.runnable
    assert plan.security.user == "1000:1000"


@pytest.mark.parametrize(
    ("resources", "limits"),
    [
        ({}, (None, None, None, 1000)),
        ({"requests": {"memory": "256Mi"}}, (None, None, None, 750)),
        ({"limits": {"cpu": "500m", "memory": "64Mi"}}, (500, 500, 64 * 1024 * 1024, -997)),
        ({"requests": {"cpu": "250m"}, "limits": {"cpu": 1}}, (250, 1000, None, 999)),
    ],
)
def test_resources_become_cgroup_limits(resources: dict[str, Any], limits: tuple[int | None, ...]) -> None:
    found = main_plan(a_pod({"resources": resources})).limits
    assert (found.cpu_request_milli, found.cpu_limit_milli, found.memory_limit_bytes, found.oom_score_adj) == limits


def test_init_sidecar_and_main_roles_and_policies() -> None:
    pod = a_pod(
        initContainers=[
            {"name": "init", "image": "app:1"},
            {"name": "side", "image": "app:1", "restartPolicy": "Always"},
        ]
    )
    roles = [(plan.name, plan.role, plan.restart_policy) for plan in compiled(pod).plan.containers]
    assert roles == [("init", "init", "OnFailure"), ("side", "sidecar", "Always"), ("main", "main", "Always")]


def test_the_host_image_is_for_kube_system_only() -> None:
    refused = main_plan(a_pod({"image": "nsorch.local/host", "command": ["/bin/true"]}))
    assert not refused.runnable
    assert "kube-system" in refused.hold_message
    allowed = main_plan(
        a_pod({"image": "nsorch.local/host", "command": ["/bin/true"]}, meta={"namespace": "kube-system"}),
        around(image=Hold(reason="")),
    )
    assert allowed.runnable
    assert allowed.root == "host"
    assert not [mount for mount in allowed.mounts if mount.target.startswith("/etc/")]


def test_mounts_parents_first_and_agent_written_ones_read_only() -> None:
    pod = a_pod(
        {
            "volumeMounts": [
                {"name": "config", "mountPath": "/etc/app/conf.d/x", "subPath": "x"},
                {"name": "scratch", "mountPath": "/etc/app"},
                {"name": "scratch", "mountPath": "/data", "subPathExpr": "$(WHO)/d"},
                {"name": "host", "mountPath": "/h", "readOnly": True, "mountPropagation": "HostToContainer"},
            ],
            "env": [{"name": "WHO", "value": "me"}],
        },
        volumes=[
            {"name": "config", "configMap": {"name": "cm"}},
            {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
            {"name": "host", "hostPath": {"path": "/srv/h"}},
        ],
    )
    result = compiled(pod)
    plan = result.plan.containers[0]
    by_target = {mount.target: mount for mount in plan.mounts}
    targets = list(by_target)
    assert targets.index("/etc/app") < targets.index("/etc/app/conf.d/x")
    assert by_target["/etc/app/conf.d/x"].read_only
    assert by_target["/etc/app/conf.d/x"].source.endswith("/volumes/config/x")
    assert not by_target["/etc/app"].read_only
    assert by_target["/data"].source.endswith("/volumes/scratch/me/d")
    assert by_target["/data"].beneath.endswith("/volumes/scratch")
    assert (by_target["/h"].source, by_target["/h"].read_only, by_target["/h"].propagation) == (
        "/srv/h",
        True,
        "rslave",
    )
    sizes = {shared.path.rpartition("/")[2]: shared.size_bytes for shared in result.plan.tmpfs}
    assert sizes == {"shm": 64 * 1024 * 1024, "scratch": 1024 * 1024}


@pytest.mark.parametrize("path", ["../up", "/abs", "a/../../b"])
def test_a_sub_path_cannot_leave_its_volume(path: str) -> None:
    pod = a_pod(
        {"volumeMounts": [{"name": "e", "mountPath": "/e", "subPath": path}]}, volumes=[{"name": "e", "emptyDir": {}}]
    )
    assert not main_plan(pod).runnable


def test_hooks_find_named_ports_and_the_pods_address() -> None:
    plan = main_plan(
        a_pod(
            {
                "ports": [{"name": "http", "containerPort": 8080}],
                "lifecycle": {
                    "postStart": {"exec": {"command": ["touch", "/x"]}},
                    "preStop": {"httpGet": {"port": "http", "path": "/stop"}},
                },
            }
        )
    )
    assert plan.post_start is not None
    assert plan.post_start.argv == ("touch", "/x")
    assert plan.pre_stop is not None
    assert (plan.pre_stop.host, plan.pre_stop.port, plan.pre_stop.path) == ("10.244.0.7", 8080, "/stop")


@pytest.mark.parametrize(
    ("name", "number"),
    [("SIGQUIT", signal.SIGQUIT), ("usr1", signal.SIGUSR1), ("3", 3), ("", 15), ("SIGRTMIN+3", 37), ("NONSENSE", 15)],
)
def test_stop_signals_by_any_name(name: str, number: int) -> None:
    assert stop_signal(name) == number


def test_a_plan_survives_json_and_can_be_explained() -> None:
    pod = a_pod({"env": [{"name": "DB_PASSWORD", "value": "hunter2"}]})
    plan = compiled(pod).plan
    assert PodPlan.from_json(plan.to_json()) == plan
    text = "\n".join(explain(plan))
    assert "execve /bin/default" in text
    assert "10.244.0.7/32" in text
    assert "hunter2" not in text
