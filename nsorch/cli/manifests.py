"""Manifests as typed after ``-f``: files, folders, standard input; YAML or JSON, many documents each."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nsorch.cli.failure import CommandFailure

SUFFIXES = (".yaml", ".yml", ".json")
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object as written, and where."""

    source: str
    document: dict[str, Any]

    @property
    def title(self) -> str:
        meta = self.document.get("metadata") or {}
        return f"{self.document.get('kind', '')}/{meta.get('name') or meta.get('generateName') or ''}"


def read(files: Sequence[str], *, recursive: bool = False) -> list[Manifest]:
    """Every object in ``files``, in order; a ``List`` is taken apart.

    CommandFailure names file, line and column of malformed YAML, and whatever is not a Kubernetes object.
    """
    found: list[Manifest] = []
    for name in files:
        for source, text in _texts(name, recursive):
            found += _parse(source, text)
    if not found:
        raise CommandFailure(f"no objects in {', '.join(files)}")
    return found


def _texts(name: str, recursive: bool) -> Iterator[tuple[str, str]]:
    if name == "-":
        yield "standard input", sys.stdin.read()
        return
    path = Path(name)
    if path.is_dir():
        pattern = "**/*" if recursive else "*"
        files = sorted(p for p in path.glob(pattern) if p.suffix in SUFFIXES and p.is_file())
        if not files:
            raise CommandFailure(f"cannot read {name}: no {', '.join(SUFFIXES)} file in this folder")
    else:
        files = [path]
    for file in files:
        try:
            yield str(file), file.read_text(encoding="utf-8")
        except OSError as error:
            raise CommandFailure(f"cannot read {file}: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise CommandFailure(f"cannot read {file}: not UTF-8 at byte {error.start}") from None


def _parse(source: str, text: str) -> list[Manifest]:
    found: list[Manifest] = []
    try:
        for document in yaml.load_all(text, Loader=_UniqueKeys):
            if document is not None:
                found += _objects(source, document)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise CommandFailure(f"cannot read {source}{where}: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise CommandFailure(f"cannot read {source}: {error}") from None
    except RecursionError:
        raise CommandFailure(f"cannot read {source}: nested too deeply") from None
    return found


def _objects(source: str, document: Any) -> list[Manifest]:
    if not isinstance(document, dict):
        raise CommandFailure(f"cannot read {source}: expected an object, got {type(document).__name__}")
    for field in ("apiVersion", "kind"):
        if not isinstance(document.get(field), str):
            raise CommandFailure(f"cannot read {source}: object without {field}")
    if document["kind"].endswith("List") and isinstance(document.get("items"), list):
        return [manifest for item in document["items"] for manifest in _objects(source, item)]
    return [Manifest(source, document)]


class _UniqueKeys(Loader):  # type: ignore[misc, valid-type]
    """Refuses a key written twice in one mapping, which YAML forbids and PyYAML lets pass; times stay text."""


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if isinstance(key, list | dict):
            raise yaml.constructor.ConstructorError(None, None, "a key must be a plain value", key_node.start_mark)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f'key "{key}" is written twice', key_node.start_mark)
        seen.add(key)
    return {
        loader.construct_object(key, deep=True): loader.construct_object(value, deep=True) for key, value in node.value
    }


_UniqueKeys.add_constructor("tag:yaml.org,2002:map", _mapping)
_UniqueKeys.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))
