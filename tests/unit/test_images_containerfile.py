"""Containerfiles: parsing, words, .dockerignore."""

from __future__ import annotations

from pathlib import Path

import pytest

from nsorch.images.build import words
from nsorch.images.build.context import Context
from nsorch.images.build.errors import BuildError
from nsorch.images.build.ignore import Ignore
from nsorch.images.build.parse import parse
from nsorch.images.errors import ImageError


def test_lines_flags_and_json_forms() -> None:
    recipe = parse(
        "# escape=`\n"
        "ARG BASE=x\n"
        "from scratch AS first\n"
        "\n"
        "  # a comment\n"
        "COPY --chown=1:2 --chmod=755 a b `\n"
        "     # another, inside\n"
        "\n"
        "     /c/\n"
        'CMD ["a", "b c"]\n'
        "RUN echo [not json]\n"
        "ENTRYPOINT [not json either\n",
        "Containerfile",
    )
    assert [(i.line, i.keyword) for i in recipe.instructions] == [
        (2, "ARG"),
        (3, "FROM"),
        (6, "COPY"),
        (10, "CMD"),
        (11, "RUN"),
        (12, "ENTRYPOINT"),
    ]
    copy = recipe.instructions[2]
    assert (copy.flag("chown"), copy.flag("chmod"), copy.argument.split()) == ("1:2", "755", ["a", "b", "/c/"])
    assert recipe.instructions[3].items == ("a", "b c")
    assert recipe.instructions[4].items is None
    assert recipe.instructions[5].items is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Containerfile:1: it has no instruction"),
        ("RUN x", "Containerfile:1: RUN before FROM"),
        ("ARG A=1", "Containerfile:1: there is no FROM"),
        ("FROM a\n\nFETCH x", "Containerfile:3: unknown instruction 'FETCH'"),
        ("FROM a\nONBUILD RUN x", "Containerfile:2: ONBUILD is not supported"),
        ("FROM a\nCOPY --form=b c d", "Containerfile:2: COPY does not know the flag --form"),
        ("FROM a\nENV", "Containerfile:2: ENV needs an argument"),
        ("FROM a\nSHELL /bin/sh", "Containerfile:2: SHELL must be in JSON form"),
        ("FROM a\nRUN <<EOF\nx\nEOF", "Containerfile:2: here-documents are not supported"),
        ("# escape=!\nFROM a", "Containerfile:1: escape must be"),
    ],
)
def test_mistakes_have_a_line(text: str, message: str) -> None:
    with pytest.raises(ImageError) as caught:
        parse(text, "Containerfile")
    assert message in caught.value.message


VARIABLES = {"NAME": "value", "EMPTY": "", "SPACE": "a b"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$NAME", "value"),
        ("${NAME}s", "values"),
        ("$NAMES", ""),
        ("a$", "a$"),
        ("$1", "$1"),
        ("'$NAME'", "$NAME"),
        ('"$NAME"', "value"),
        (r"\$NAME", "$NAME"),
        (r'"\$NAME \x"', r"$NAME \x"),
        ("${NAME:-d}", "value"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${NONE:-${NAME}}", "value"),
        ("${NAME:+yes}${NONE:+no}", "yes"),
        ("'a'\"b\"c", "abc"),
    ],
)
def test_expansion(text: str, value: str) -> None:
    assert words.expand(text, VARIABLES) == value


@pytest.mark.parametrize("text", ["${NAME", "'open", '"open', "${NAME%x}", "${}", "${NONE:?must be given}"])
def test_broken_expansions(text: str) -> None:
    with pytest.raises(BuildError):
        words.expand(text, VARIABLES)


def test_assignments() -> None:
    assert words.assignments("A=1 B=\"x y\" C='$NAME' D=$SPACE E=a\\ b", VARIABLES) == [
        ("A", "1"),
        ("B", "x y"),
        ("C", "$NAME"),
        ("D", "a b"),
        ("E", "a b"),
    ]
    assert words.assignments("OLD the rest  of it", VARIABLES) == [("OLD", "the rest  of it")]
    for text in ("A=1 B", "A", "=x"):
        with pytest.raises(BuildError):
            words.assignments(text, VARIABLES)


def test_ignore_patterns() -> None:
    ignore = Ignore(["*.log", "**/cache", "docs/*", "!docs/keep.md", "/top", "a?c", "deep/**/x"])
    ignored = ["a.log", "cache", "a/b/cache", "a/cache/file", "docs/x.md", "top", "top/inside", "abc", "deep/a/b/x"]
    kept = ["a/b.log", "docs/keep.md", "sub/top", "abbc", "src/main.py"]
    assert [path for path in ignored + kept if ignore.ignores(path)] == ignored


def test_context_shows_only_what_is_inside(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("a")
    (tmp_path / "src" / "b.py").write_text("b")
    (tmp_path / "secret").write_text("s")
    (tmp_path / ".dockerignore").write_text("secret\n")
    (tmp_path / "out").symlink_to("/etc/passwd")
    (tmp_path / "up").symlink_to("../x")
    (tmp_path / "alias").symlink_to("src/a.py")
    context = Context(tmp_path)
    assert context.match("src/*.py") == ["src/a.py", "src/b.py"]
    assert context.match("./src/") == ["src"]
    assert context.match("alias") == ["src/a.py"]
    for outside in ("secret", "out", "up", "../x", "missing", "src/*.txt", "out/x"):
        with pytest.raises(BuildError):
            context.match(outside)


def test_a_changed_file_changes_the_digest_but_a_new_date_does_not(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("one")
    first = Context(tmp_path).digest([""])
    file.write_text("one")
    assert Context(tmp_path).digest([""]) == first
    file.write_text("two")
    assert Context(tmp_path).digest([""]) != first
