"""Image references mean what they mean to Docker and containerd."""

from __future__ import annotations

import pytest

from nsorch.images.errors import ImageError
from nsorch.images.reference import Reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("busybox", "docker.io/library/busybox:latest", "busybox:latest"),
        ("busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"),
        ("docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
        ("index.docker.io/library/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
        ("grafana/loki:2", "docker.io/grafana/loki:2", "grafana/loki:2"),
        ("localhost/app", "localhost/app:latest", "localhost/app:latest"),
        ("localhost:5000/app:v1", "localhost:5000/app:v1", "localhost:5000/app:v1"),
        ("registry.example:5000/a/b/c", "registry.example:5000/a/b/c:latest", "registry.example:5000/a/b/c:latest"),
        ("nsorch.local/host", "nsorch.local/host:latest", "nsorch.local/host:latest"),
        (f"busybox@{DIGEST}", f"docker.io/library/busybox@{DIGEST}", f"busybox@{DIGEST}"),
        (f"busybox:1@{DIGEST}", f"docker.io/library/busybox:1@{DIGEST}", f"busybox:1@{DIGEST}"),
        ("[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"),
        ("a__b/c-d.e", "docker.io/a__b/c-d.e:latest", "a__b/c-d.e:latest"),
    ],
)
def test_normal_form(text: str, full: str, familiar: str) -> None:
    reference = Reference.parse(text)
    assert (str(reference), reference.familiar) == (full, familiar)
    assert Reference.parse(str(reference)) == reference


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":latest",
        "/busybox",
        "busybox/",
        "Busybox",
        "host.example/Upper",
        "busy box",
        "busybox:",
        "busybox:-tag",
        "busybox:" + "t" * 129,
        "busybox@sha256:abc",
        "busybox@md5:" + "a" * 32,
        "busybox@",
        "a//b",
        "-a",
        "a/../b",
        "a.-b",
        "a" * 64,
        "x" * 256,
        "busybox\n",
    ],
)
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(ImageError) as caught:
        Reference.parse(text)
    assert caught.value.reason == "InvalidImageName"
    assert "invalid reference format" in caught.value.message
