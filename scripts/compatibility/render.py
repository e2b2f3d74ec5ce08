"""The document, from the registry, the routes, the statements and the tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from nsorch.api.discovery import SUBRESOURCES as KINDS_OF
from nsorch.api.discovery import singular
from nsorch.api.review_kinds import REVIEWS
from nsorch.api.routes import SUBRESOURCES
from nsorch.api.settings import GIT_VERSION
from nsorch.resources.kinds import REGISTRY
from nsorch.resources.registry import ALL_VERBS, Kind
from scripts.compatibility.commands import commands
from scripts.compatibility.kinds import KIND_SECTIONS, NOT_SERVED
from scripts.compatibility.pods import POD_SECTIONS
from scripts.compatibility.protocol import protocol
from scripts.compatibility.statement import Section

WORDS = {
    "works": "works",
    "partly": "works; other values are stored with a warning",
    "warned": "stored with a warning",
    "refused": "refused",
}
METHODS = {"get": "GET", "update": "PUT", "patch": "PATCH", "create": "POST", "delete": "DELETE"}


def document() -> str:
    """All of ``docs/compatibility.md``."""
    parts = [_head(), _kinds(), _subresources(), _tables(), _fields(), _commands(), protocol()]
    return "\n".join(line for part in parts for line in (*part, "")).rstrip() + "\n"


def _head() -> list[str]:
    return [
        "# Compatibility",
        "",
        f"What of Kubernetes {GIT_VERSION.partition('+')[0]} nsorch does, kind by kind, verb by verb, field by field.",
        "This page is made by `python -m scripts.compatibility --write` and compared with the program by",
        "`tests/unit/test_docs_compatibility.py`: every field of every kind has exactly one line, every field said to be",
        "stored with a warning is tried and does give that `Warning:` header, every refused one is refused.",
        "",
        "Three things can happen to a valid field. It **works**. Or it is **stored with a warning**: the object is",
        "accepted, keeps the field, and kubectl prints why it does nothing on this one host. Or it is **refused** with 422",
        "and the reason. Unknown fields are refused, warned about or dropped, as `fieldValidation` says.",
    ]


def _kinds() -> list[str]:
    rows = [
        [
            kind.kind,
            f"`{kind.group_version}`",
            " ".join(f"`{name}`" for name in (kind.plural, singular(kind), *kind.short_names)),
            "namespace" if kind.namespaced else "cluster",
            *("yes" if verb in kind.verbs else "-" for verb in ALL_VERBS),
        ]
        for kind in REGISTRY.kinds
    ]
    return [
        "## Kinds and verbs",
        "",
        *_table(["Kind", "API", "Names", "Scope", *ALL_VERBS], rows),
        "",
        "`v1` and `events.k8s.io/v1` Events are two forms of the same stored objects; the newer one takes no server-side",
        "apply (415).",
        "",
        "Asked and answered, never stored (POST only): "
        + ", ".join(f"{kind.kind} (`{kind.group_version}`)" for kind in REVIEWS)
        + ".",
        "",
        "Not served, answered with 404: " + ", ".join(NOT_SERVED) + ", and everything else not in the table.",
    ]


def _subresources() -> list[str]:
    rows = []
    for kind in REGISTRY.kinds:
        for name in sorted(kind.subresources):
            methods = served(name)
            about = KINDS_OF.get(name)
            shown = (about.kind if about else "").format(kind=kind.kind) or kind.kind
            state = " ".join(methods) or "not served: 405, and not in discovery"
            rows.append([f"`{kind.plural}/{name}`", shown, state])
    return ["## Subresources", "", *_table(["Subresource", "Kind", "Methods"], rows)]


def served(subresource: str) -> list[str]:
    """The methods that are answered for it."""
    return [method for method in ("GET", "POST", "PUT", "PATCH", "DELETE") if (subresource, method) in SUBRESOURCES]


def _tables() -> list[str]:
    rows = [
        [
            kind.kind,
            ", ".join(column.name for column in kind.columns if not column.priority),
            ", ".join(column.name for column in kind.columns if column.priority) or "-",
            ", ".join(f"`{name}`" for name in sorted(kind.fields)) or "-",
        ]
        for kind in REGISTRY.kinds
    ]
    return [
        "## Columns and field selectors",
        "",
        "`kubectl get` prints the columns of the server's Table; `-o wide` adds those of the third column here. Every kind",
        "can be selected by labels and by `metadata.name` and `metadata.namespace`.",
        "",
        *_table(["Kind", "Columns", "Wide", "Field selectors"], rows),
    ]


def _fields() -> list[str]:
    lines = ["## Fields"]
    for section in sections():
        lines += ["", f"### {section.title}", ""]
        lines += _table(["Field", "What happens", "Notes"], list(_statements(section)))
    return lines


def sections() -> tuple[Section, ...]:
    """All of them, Pods first."""
    return (*POD_SECTIONS, *KIND_SECTIONS)


def _statements(section: Section) -> Iterator[list[str]]:
    """Neighbours of which the same is to be said share a row."""
    rows: list[tuple[list[str], str, str]] = []
    for one in section.statements:
        if rows and rows[-1][1:] == (WORDS[one.effect], one.note):
            rows[-1][0].append(one.name)
        else:
            rows.append(([one.name], WORDS[one.effect], one.note))
    for names, effect, note in rows:
        yield [" ".join(f"`{name}`" for name in names), effect, note or "-"]


def _commands() -> list[str]:
    rows = [
        [f"`kubectl {name}`", " ".join(f"`{option}`" for option in sorted(options)) or "-"]
        for name, options in commands().items()
    ]
    return [
        "## kubectl",
        "",
        "Commands that the tests in `tests/kubectl` drive with the real kubectl, and the options they use. The same tests",
        "run against the control plane alone and against the whole daemon.",
        "",
        *_table(["Command", "Options"], rows),
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def spec_model(kind: Kind[Any]) -> Any:
    """The model whose fields a kind's section must name: of its spec, where it has one."""
    field = kind.model.model_fields.get("spec")
    return field.annotation if field is not None else kind.model
