"""Manifests as typed after ``-f``: files, folders, standard input; YAML or JSON, many documents each."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nsorch.cli.failure import CommandFailure

SUFFIXES = (".yaml", ".yml", ".json")
VALUES = 500_000
"""Values in one manifest with all its aliases written out; the server takes 3 MiB."""
ORDER = (
    "Namespace",
    "CustomResourceDefinition",
    "PriorityClass",
    "ResourceQuota",
    "LimitRange",
    "NetworkPolicy",
    "StorageClass",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Service",
)
"""What others need comes first; kinds that are not named come after these, in the order written."""
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object as written, and where."""

    source: str
    document: dict[str, Any]

    @property
    def title(self) -> str:
        meta = self.document.get("metadata")
        name = (meta.get("name") or meta.get("generateName")) if isinstance(meta, dict) else ""
        return f"{self.document['kind']}/{name or ''}"

    def namespace(self, typed: str) -> str:
        """Where it belongs; CommandFailure if the command line says (``typed``) another than the manifest."""
        meta = self.document.get("metadata")
        own = str(meta.get("namespace") or "") if isinstance(meta, dict) else ""
        if typed and own and typed != own:
            raise CommandFailure(f'its namespace is "{own}", not "{typed}" as -n says: leave one of them out')
        return own or typed or "default"


def read(files: Sequence[str], *, recursive: bool = False) -> list[Manifest]:
    """Every object in ``files``, those that others need first; a ``List`` is taken apart.

    CommandFailure names file, line and column of malformed YAML, and whatever is not a Kubernetes object.
    """
    found: list[Manifest] = []
    for name in files:
        for source, text in _texts(name, recursive):
            found += _parse(source, text)
    if not found:
        shown = ", ".join("standard input" if name == "-" else name for name in files)
        raise CommandFailure(f"no objects in {shown}")
    rank = {kind: i for i, kind in enumerate(ORDER)}
    return sorted(found, key=lambda manifest: rank.get(manifest.document["kind"], len(ORDER)))


def _texts(name: str, recursive: bool) -> Iterator[tuple[str, str]]:
    if name == "-":
        yield "standard input", _decoded("standard input", sys.stdin.buffer.read())
        return
    if "://" in name:
        raise CommandFailure(f"cannot read {name}: only files are read, try `curl -L {name} | nsorch apply -f -`")
    path = Path(name)
    if path.is_dir():
        pattern = "**/*" if recursive else "*"
        files = sorted(p for p in path.glob(pattern) if p.suffix in SUFFIXES and p.is_file())
        if not files:
            deeper = "" if recursive else " (-R looks in the folders below)"
            raise CommandFailure(f"cannot read {name}: no {', '.join(SUFFIXES)} file in this folder{deeper}")
    else:
        files = [path]
    for file in files:
        try:
            raw = file.read_bytes()
        except OSError as error:
            raise CommandFailure(f"cannot read {file}: {error.strerror}") from None
        yield str(file), _decoded(str(file), raw)


def _decoded(source: str, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CommandFailure(f"cannot read {source}, line {line}: byte {error.start} is not UTF-8") from None


def _parse(source: str, text: str) -> list[Manifest]:
    found: list[Manifest] = []
    try:
        for document in yaml.load_all(text, Loader=_UniqueKeys):
            if document is not None:
                _check_values(source, document)
                found += _objects(source, document)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise CommandFailure(f"cannot read {source}{where}: {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else 1
        raise CommandFailure(f"cannot read {source}, line {line}: {error.reason}") from None
    except yaml.YAMLError as error:
        raise CommandFailure(f"cannot read {source}: {error}") from None
    except RecursionError:
        raise CommandFailure(f"cannot read {source}: nested too deeply") from None
    return found


def _check_values(source: str, document: Any) -> None:
    """Refuse what JSON cannot say, and aliases that multiply beyond any use."""
    left = VALUES
    stack = [document]
    while stack:
        value = stack.pop()
        left -= 1
        if left < 0:
            raise CommandFailure(f"cannot read {source}: more than {VALUES} values in one object")
        if isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list):
            stack += value
        elif isinstance(value, float) and not math.isfinite(value):
            raise CommandFailure(f"cannot read {source}: {value} is no JSON number, quote it")
        elif not isinstance(value, str | int | float | None):
            raise CommandFailure(f"cannot read {source}: a value of type {type(value).__name__} is not JSON")


def _objects(source: str, document: Any) -> list[Manifest]:
    if not isinstance(document, dict):
        kind = {"list": "a list", "str": "text"}.get(type(document).__name__, type(document).__name__)
        raise CommandFailure(f"cannot read {source}: expected an object with apiVersion and kind, got {kind}")
    for field in ("apiVersion", "kind"):
        if not isinstance(document.get(field), str) or not document[field]:
            raise CommandFailure(f"cannot read {source}: object without {field}")
    if document["kind"].endswith("List") and isinstance(document.get("items"), list):
        return [manifest for item in document["items"] for manifest in _objects(source, item)]
    return [Manifest(source, document)]


class _UniqueKeys(Loader):  # type: ignore[misc, valid-type]
    """YAML as Kubernetes reads it: a key written twice is refused; times, bytes and ``12:30`` stay text."""


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[Any, Any]:
    merged = {id(key) for key, _ in node.value}
    loader.flatten_mapping(node)
    seen: set[Any] = set()
    found: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if isinstance(key, list | dict):
            raise yaml.constructor.ConstructorError(None, None, "a key must be a plain value", key_node.start_mark)
        key = key if isinstance(key, str) else _json_key(key)
        if id(key_node) in merged:  # what `<<` brings may be written again
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f'key "{key}" is written twice', key_node.start_mark
                )
            seen.add(key)
        found[key] = loader.construct_object(value_node, deep=True)
    return found


def _json_key(key: Any) -> str:
    """``true`` for a key that YAML reads as a boolean, ``1`` for a number."""
    return str(key).lower() if isinstance(key, bool | None) else str(key)


def _number(loader: Any, node: yaml.ScalarNode) -> Any:
    """YAML 1.1 reads ``12:30`` to the base of sixty; nobody who writes manifests means that."""
    text = loader.construct_scalar(node)
    if ":" in text:
        return text
    integer = node.tag.endswith(":int")
    return loader.construct_yaml_int(node) if integer else loader.construct_yaml_float(node)


_UniqueKeys.add_constructor("tag:yaml.org,2002:map", _mapping)
_UniqueKeys.add_constructor("tag:yaml.org,2002:int", _number)
_UniqueKeys.add_constructor("tag:yaml.org,2002:float", _number)
for _tag in ("timestamp", "binary", "value"):
    _UniqueKeys.add_constructor(f"tag:yaml.org,2002:{_tag}", lambda loader, node: loader.construct_scalar(node))
