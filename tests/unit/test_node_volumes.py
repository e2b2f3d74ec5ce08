"""Volumes on disk: content, modes, atomic updates, and what is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from nsorch.kit.paths import Paths
from nsorch.linux.beneath import make_beneath, open_beneath
from nsorch.node.compiler.failures import MountError
from nsorch.node.compiler.layout import Layout
from nsorch.node.volumes.atomic import write_payload
from nsorch.node.volumes.payload import File, payload
from nsorch.node.volumes.prepare import prepare_volumes, references, refresh_volumes
from nsorch.resources.pod import Pod
from tests.support.node_objects import a_config_map, a_pod, a_secret, around


def with_volume(**volume: Any) -> Pod:
    return a_pod(volumes=[{"name": "v", **volume}], meta={"labels": {"a": "1", "b": 'q"'}})


def files_of(pod: Pod, *objects: Any) -> dict[str, tuple[str, int]]:
    assert pod.spec.volumes
    found = payload(pod, pod.spec.volumes[0], around(*objects))
    return {path: (file.data.decode(), file.mode) for path, file in found.items()}


def test_config_maps_whole_and_by_items() -> None:
    config_map = a_config_map("cm", a="1", b="2")
    assert files_of(with_volume(configMap={"name": "cm"}), config_map) == {"a": ("1", 0o644), "b": ("2", 0o644)}
    chosen = {"name": "cm", "defaultMode": 0o400, "items": [{"key": "a", "path": "x/y", "mode": 0o755}]}
    assert files_of(with_volume(configMap=chosen), config_map) == {"x/y": ("1", 0o755)}


def test_secrets_are_decoded() -> None:
    pod = with_volume(secret={"secretName": "s", "defaultMode": 0o400})
    assert files_of(pod, a_secret("s", key="value")) == {"key": ("value", 0o400)}


def test_projected_volumes_combine_and_leave_out_the_token() -> None:
    sources = [
        {"serviceAccountToken": {"path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    files = files_of(with_volume(projected={"sources": sources}), a_config_map("kube-root-ca.crt", ca="PEM"))
    assert files == {"ca.crt": ("PEM", 0o644), "namespace": ("shop", 0o644)}


def test_downward_labels_are_quoted() -> None:
    items = [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]
    assert files_of(with_volume(downwardAPI={"items": items})) == {"labels": ('a="1"\nb="q\\""', 0o644)}


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"configMap": {"name": "no"}}, 'MountVolume.SetUp failed for volume "v" : configmap "no" not found'),
        ({"secret": {"secretName": "no"}}, 'secret "no" not found'),
        ({"configMap": {"name": "cm", "items": [{"key": "z", "path": "z"}]}}, "references non-existent config key: z"),
        ({"configMap": {"name": "cm", "items": [{"key": "a", "path": "../z"}]}}, "must be relative"),
        ({"configMap": {"name": "cm", "items": [{"key": "a", "path": "..z"}]}}, "must be relative"),
        ({"nfs": {"server": "s", "path": "/"}}, "volumes of kind nfs are not supported"),
        ({"persistentVolumeClaim": {"claimName": "c"}}, "persistentVolumeClaim are not supported"),
        ({"hostPath": {"path": "/nonexistent/x", "type": "Directory"}}, "hostPath type check failed"),
        ({"hostPath": {"path": "/dev/null", "type": "Directory"}}, "/dev/null is not a directory"),
    ],
)
def test_what_cannot_be_mounted_says_why(volume: dict[str, Any], message: str, tmp_path: Path) -> None:
    pod = with_volume(**volume)
    layout = Layout.of(Paths.at(tmp_path), pod)
    with pytest.raises(MountError) as caught:
        prepare_volumes(pod, around(a_config_map("cm", a="1")), layout)
    assert message in str(caught.value)


def test_optional_sources_may_be_missing(tmp_path: Path) -> None:
    pod = with_volume(configMap={"name": "no", "optional": True})
    layout = Layout.of(Paths.at(tmp_path), pod)
    prepare_volumes(pod, around(), layout)
    assert [name for name in os.listdir(layout.volume("v")) if not name.startswith("..")] == []


def test_an_update_is_one_step_and_keeps_the_stable_names(tmp_path: Path) -> None:
    folder = tmp_path / "v"
    assert write_payload(folder, {"a": File(b"1", 0o640), "d/x": File(b"2", 0o600)})
    before = os.readlink(folder / "..data")
    assert not write_payload(folder, {"a": File(b"1", 0o640), "d/x": File(b"2", 0o600)})
    assert os.readlink(folder / "..data") == before
    held = os.open(folder / "..data", os.O_RDONLY)
    assert write_payload(folder, {"a": File(b"3", 0o640), "n": File(b"4", 0o644)})
    os.close(held)
    assert (folder / "a").read_text() == "3"
    assert (folder / "n").read_text() == "4"
    assert stat.S_IMODE((folder / "a").stat().st_mode) == 0o640
    assert sorted(name for name in os.listdir(folder) if not name.startswith("..")) == ["a", "n"]
    assert len([name for name in os.listdir(folder) if name.startswith("..2")]) == 1


def test_live_updates_follow_the_objects(tmp_path: Path) -> None:
    pod = with_volume(configMap={"name": "cm"})
    layout = Layout.of(Paths.at(tmp_path), pod)
    prepare_volumes(pod, around(a_config_map("cm", a="1")), layout)
    file = Path(layout.volume("v"), "a")
    assert refresh_volumes(pod, around(a_config_map("cm", a="1")), layout) == []
    assert refresh_volumes(pod, around(a_config_map("cm", a="2")), layout) == ["v"]
    assert file.read_text() == "2"
    assert refresh_volumes(pod, around(), layout) == []
    assert file.read_text() == "2"


def test_empty_dirs_are_open_to_all_and_host_paths_are_made(tmp_path: Path) -> None:
    made = tmp_path / "made" / "here"
    pod = a_pod(
        {"volumeMounts": [{"name": "e", "mountPath": "/e", "subPath": "x/y"}]},
        volumes=[
            {"name": "e", "emptyDir": {}},
            {"name": "h", "hostPath": {"path": str(made), "type": "DirectoryOrCreate"}},
            {"name": "f", "hostPath": {"path": f"{made}.txt", "type": "FileOrCreate"}},
        ],
    )
    layout = Layout.of(Paths.at(tmp_path), pod)
    prepare_volumes(pod, around(), layout)
    assert stat.S_IMODE(os.stat(layout.volume("e")).st_mode) == 0o777
    assert stat.S_IMODE(os.stat(layout.volume("e") + "/x/y").st_mode) == 0o777
    assert made.is_dir()
    assert Path(f"{made}.txt").is_file()


def test_a_sub_path_never_leaves_its_volume(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    base = tmp_path / "base"
    base.mkdir()
    (base / "out").symlink_to("../outside")
    (base / "abs").symlink_to("/etc")
    make_beneath(str(base), "out/evil")
    assert list(outside.iterdir()) == []
    with pytest.raises(OSError, match="cannot open"):
        open_beneath(str(base), "out")
    (base / "etc").mkdir()
    fd = open_beneath(str(base), "abs")
    assert os.path.samestat(os.fstat(fd), os.stat(base / "etc"))
    os.close(fd)


def test_references_name_everything_a_pod_reads() -> None:
    pod = a_pod(
        {
            "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s1", "key": "k"}}}],
            "envFrom": [{"configMapRef": {"name": "c1"}}],
        },
        volumes=[
            {"name": "v", "secret": {"secretName": "s2"}},
            {"name": "p", "projected": {"sources": [{"configMap": {"name": "c2"}}]}},
        ],
    )
    assert references(pod) == {("Secret", "s1"), ("ConfigMap", "c1"), ("Secret", "s2"), ("ConfigMap", "c2")}
