"""``docs/compatibility.md`` says what is so: it is what the generator prints, and its statements hold."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from nsorch.resources.kinds import REGISTRY
from scripts.compatibility.__main__ import TARGET
from scripts.compatibility.kinds import NOT_SERVED
from scripts.compatibility.render import document, sections, spec_model
from scripts.compatibility.statement import Section, Statement
from tests.support.api import cluster, pod
from tests.support.kinds import changed
from tests.support.loops import on_a_loop

META = frozenset({"apiVersion", "kind", "metadata", "status"})


def test_the_document_is_what_the_generator_prints() -> None:
    assert TARGET.read_text() == document(), "run: python -m scripts.compatibility --write"


def test_every_kind_verb_subresource_and_column_is_named() -> None:
    text = TARGET.read_text()
    for kind in REGISTRY.kinds:
        row = next(line for line in text.splitlines() if line.startswith(f"| {kind.kind} | `{kind.group_version}`"))
        assert f"`{kind.plural}`" in row
        assert row.count(" yes ") == len(kind.verbs)
        for name in kind.subresources:
            assert f"| `{kind.plural}/{name}` |" in text
        for column in kind.columns:
            assert column.name in text
    assert not {kind.kind for kind in REGISTRY.kinds} & set(NOT_SERVED)


def test_every_kind_has_its_section() -> None:
    described = {section.model for section in sections()}
    for kind in REGISTRY.kinds:
        assert spec_model(kind) in described, f"{kind.kind}: no section about {spec_model(kind).__name__}"


@pytest.mark.parametrize("section", sections(), ids=lambda section: section.title)
def test_every_field_has_one_statement(section: Section) -> None:
    counts = Counter(statement.name for statement in section.statements)
    assert set(counts) == set(section.model.model_fields) - META
    assert set(counts.values()) == {1}
    warnings, causes = told(dict(section.base))
    kind = REGISTRY.named(section.base["apiVersion"], section.base["kind"])
    assert kind is not None
    if kind.kind != "Endpoints":  # the kind itself is deprecated
        assert warnings == []
    if section.title not in NEVER_EMPTY:
        assert causes == []


NEVER_EMPTY = ("Ephemeral container", "Container lifecycle", "Volume projected source", "Volume")
"""Their examples stand for objects that are refused as they are, for another reason than the field's."""

TRIED = [
    pytest.param(section, statement, id=f"{section.title}-{statement.name}")
    for section in sections()
    for statement in section.statements
    if statement.effect != "works"
]


@pytest.mark.parametrize(("section", "statement"), TRIED)
def test_what_is_not_simply_taken_is_told(section: Section, statement: Statement) -> None:
    path = f"{section.path}.{statement.name}".lstrip(".")
    example = dict(section.base)
    for other, value in statement.also.items():
        example = changed(example, other, value)
    example = changed(example, path, statement.value)
    field = re.sub(r"\.(\d+)", r"[\1]", path)
    warnings, causes = told(example)
    about = [text for text in warnings if text.startswith(field)]
    refusals = [cause for cause in causes if cause.startswith(field)]
    if statement.effect == "refused":
        assert refusals, f"{field} is not refused"
    else:
        assert about, f"{field} gives no warning: {warnings}"
        assert refusals == []


@pytest.mark.parametrize("section", sections(), ids=lambda section: section.title)
def test_defaults_are_not_warned_about(section: Section) -> None:
    """A patch is warned about by what comes of it, defaults included."""
    kind = REGISTRY.named(section.base["apiVersion"], section.base["kind"])
    assert kind is not None
    obj = kind.model.from_dict(dict(section.base))
    before = kind.warnings(obj)
    kind.default(obj)
    kind.prepare_create(obj)
    assert kind.warnings(obj) == before


@on_a_loop
async def test_the_api_sends_the_warnings_with_every_kind_of_write(tmp_path: Path) -> None:
    text = "spec.runtimeClassName: stored but has no effect on this cluster"
    odd, path = pod(runtimeClassName="gvisor"), "/api/v1/namespaces/default/pods"
    async with cluster(tmp_path) as api:
        created = await api.call("POST", path, odd)
        updated = await api.call("PUT", f"{path}/web", created.body)
        patch = {"metadata": {"labels": {"a": "b"}}}
        patched = await api.call("PATCH", f"{path}/web", patch, type="application/merge-patch+json")
        query = "fieldManager=me&force=true"
        applied = await api.call("PATCH", f"{path}/web?{query}", odd, type="application/apply-patch+yaml")
        for answer in (created, updated, patched, applied):
            assert answer.code in (200, 201)
            assert text in answer.headers["Warning"]
        plain = await api.call("POST", path, pod("plain"))
        changed_again = await api.call("PATCH", f"{path}/plain", patch, type="application/merge-patch+json")
        assert plain.headers.get("Warning") is changed_again.headers.get("Warning") is None


def told(data: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Warnings about an object that is created, and the fields for which it is refused."""
    kind = REGISTRY.named(data["apiVersion"], data["kind"])
    assert kind is not None
    obj = kind.model.from_dict(data)
    warnings = kind.warnings(obj)
    kind.default(obj)
    kind.prepare_create(obj)
    return warnings, [cause.field for cause in kind.validate(obj) if cause.field != "spec.ephemeralContainers"]
