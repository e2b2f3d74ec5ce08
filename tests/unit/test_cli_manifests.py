"""Manifests as people write them: what is read, in which order, and how mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from nsorch.cli import manifests
from nsorch.cli.failure import CommandFailure


def read(tmp_path: Path, text: str | bytes) -> list[manifests.Manifest]:
    file = tmp_path / "app.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return manifests.read([str(file)])


def one(tmp_path: Path, body: str) -> dict[str, object]:
    (found,) = read(tmp_path, f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\n{body}")
    return found.document


def refused(tmp_path: Path, text: str | bytes) -> str:
    with pytest.raises(CommandFailure) as caught:
        read(tmp_path, text)
    return caught.value.message.replace(str(tmp_path), "")


def test_what_others_need_comes_first(tmp_path: Path) -> None:
    kinds = ["Pod", "Deployment", "Service", "ConfigMap", "Widget", "Namespace", "Secret", "ServiceAccount"]
    text = "\n---\n".join(f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: x}}" for kind in kinds)
    order = [manifest.document["kind"] for manifest in read(tmp_path, text)]
    assert order == ["Namespace", "ServiceAccount", "Secret", "ConfigMap", "Service", "Pod", "Deployment", "Widget"]


def test_lists_are_taken_apart_and_empty_documents_skipped(tmp_path: Path) -> None:
    text = """---
# nothing
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Pod, metadata: {name: a}}
- {apiVersion: v1, kind: PodList, items: [{apiVersion: v1, kind: Pod, metadata: {name: b}}]}
---
"""
    assert [manifest.title for manifest in read(tmp_path, text)] == ["Pod/a", "Pod/b"]


def test_json_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    text = '\ufeff{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}'
    assert read(tmp_path, text)[0].title == "Pod/a"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("12:30", "12:30"),
        ("22:22", "22:22"),
        ("2030-01-31", "2030-01-31"),
        ("2030-01-31T12:00:00Z", "2030-01-31T12:00:00Z"),
        ("0644", 0o644),
        ("=", "="),
        ("yes", True),
        ("1.5", 1.5),
        ("~", None),
        ("!!binary aGk=", "aGk="),
    ],
)
def test_scalars_are_read_as_kubernetes_reads_them(tmp_path: Path, written: str, meant: object) -> None:
    assert one(tmp_path, f"data: {{a: {written}}}")["data"] == {"a": meant}


def test_keys_are_text(tmp_path: Path) -> None:
    assert one(tmp_path, "data: {1: a, true: b, x: c}")["data"] == {"1": "a", "true": "b", "x": "c"}


def test_merge_keys_may_be_overridden(tmp_path: Path) -> None:
    document = one(tmp_path, "base: &b {a: 1, b: 2}\ndata: {<<: *b, b: 3}")
    assert document["data"] == {"a": 1, "b": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\nb: 2", "cannot read /app.yaml, line 2, column 2: did not find expected ',' or ']'"),
        ("a: 1\na: 2", 'cannot read /app.yaml, line 2, column 1: key "a" is written twice'),
        ("a: &x [*x]", "cannot read /app.yaml, line 1, column 4: found unconstructable recursive node"),
        ("apiVersion: v1\nkind: Pod\n1: a\n'1': b", 'line 4, column 1: key "1" is written twice'),
        (b"a: 1\nb: \xff", "cannot read /app.yaml, line 2: byte 8 is not UTF-8"),
        ("a: 1\nb: \x01", "cannot read /app.yaml, line 2: "),
        ("- 1", "expected an object with apiVersion and kind, got a list"),
        ("text", "expected an object with apiVersion and kind, got text"),
        ("kind: Pod", "object without apiVersion"),
        ("apiVersion: v1\nkind: 3", "object without kind"),
        ("apiVersion: v1\nkind: Pod\na: .nan", "nan is no JSON number"),
        ("apiVersion: v1\nkind: Pod\na: !!set {x}", "a value of type set is not JSON"),
        ("apiVersion: v1\nkind: Pod\n? [a]\n: 1", "a key must be a plain value"),
        ("a: !!python/name:os.system x", "could not determine a constructor"),
        ("# nothing", "no objects in /app.yaml"),
        ("[" * 3000, "cannot read /app.yaml"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert message in refused(tmp_path, text)


def test_aliases_that_multiply_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    assert "more than 500000 values" in refused(tmp_path, "\n".join(lines))


def test_folders(tmp_path: Path) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {{name: {}}}"
    (tmp_path / "b.yml").write_text(pod.format("b"))
    (tmp_path / "a.json").write_text('{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}')
    (tmp_path / "notes.txt").write_text("not a manifest")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.yaml").write_text(pod.format("c"))
    assert [m.title for m in manifests.read([str(tmp_path)])] == ["Pod/a", "Pod/b"]
    assert [m.title for m in manifests.read([str(tmp_path)], recursive=True)] == ["Pod/a", "Pod/b", "Pod/c"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("gone.yaml", "No such file or directory"), (".", "-R looks in the folders below"), ("https://a/b", "curl -L")],
)
def test_what_cannot_be_read(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(CommandFailure, match=message):
        manifests.read([name if "://" in name else str(tmp_path / name)])


def test_the_namespace_of_manifest_and_command_line() -> None:
    placed = manifests.Manifest("f", {"kind": "Pod", "metadata": {"name": "x", "namespace": "a"}})
    free = manifests.Manifest("f", {"kind": "Pod", "metadata": {"name": "x"}})
    assert placed.namespace("") == placed.namespace("a") == "a"
    assert free.namespace("b") == "b"
    assert free.namespace("") == "default"
    with pytest.raises(CommandFailure, match='its namespace is "a", not "b"'):
        placed.namespace("b")
