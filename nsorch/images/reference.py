"""Image references, parsed and normalised as Docker and containerd do.

``busybox`` means ``docker.io/library/busybox:latest``. The grammar is that of the distribution project
(``[domain/]path[:tag][@digest]``): the first component is a domain only if it has a dot, a colon, an upper-case letter or
is ``localhost``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nsorch.images.errors import ImageError

DEFAULT_DOMAIN = "docker.io"
DEFAULT_TAG = "latest"
MAX_NAME = 255

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}")


@dataclass(frozen=True, slots=True)
class Reference:
    """One normalised reference; at least one of ``tag`` and ``digest`` is set."""

    domain: str
    path: str
    tag: str | None
    digest: str | None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """The reference that ``text`` names; ``ImageError`` with reason InvalidImageName if it is none."""
        rest, at, digest = text.partition("@")
        if at and not _DIGEST.fullmatch(digest):
            raise _invalid(text, f'"{digest}" is not a digest (sha256: and 64 lower-case hex digits)')
        name, colon, tag = rest.rpartition(":")
        if not colon or "/" in tag:
            name, tag = rest, ""
        elif not _TAG.fullmatch(tag):
            raise _invalid(text, f'"{tag}" is not a tag (letters, digits, "_", "." and "-", at most 128)')
        domain, path = _split_domain(name)
        if not path:
            raise _invalid(text, "it names no repository")
        if not _DOMAIN.fullmatch(domain):
            raise _invalid(text, f'"{domain}" is not a registry name')
        if path != path.lower():
            raise _invalid(text, f'repository name "{path}" must be lowercase')
        if not _PATH.fullmatch(path):
            raise _invalid(text, f'"{path}" is not a repository name')
        if len(domain) + 1 + len(path) > MAX_NAME:
            raise _invalid(text, f"the repository name is longer than {MAX_NAME} characters")
        if re.fullmatch(r"[a-f0-9]{64}", name):
            raise _invalid(text, "64 hex digits are an image ID, not a repository name")
        return cls(domain, path, tag or (None if digest else DEFAULT_TAG), digest or None)

    @property
    def repository(self) -> str:
        """``docker.io/library/busybox``."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar(self) -> str:
        """As people write it: without the default registry, ``busybox:latest``."""
        name = self.repository
        if self.domain == DEFAULT_DOMAIN:
            name = self.path.removeprefix("library/") if self.path.count("/") == 1 else self.path
        return name + self._suffix()

    def __str__(self) -> str:
        return self.repository + self._suffix()

    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def _split_domain(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    is_domain = slash and (any(sign in first for sign in ".:") or first == "localhost" or first != first.lower())
    domain, path = (first, rest) if is_domain else (DEFAULT_DOMAIN, name)
    if domain == "index.docker.io":
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and path and "/" not in path:
        path = "library/" + path
    return domain, path


def _invalid(text: str, why: str) -> ImageError:
    return ImageError("InvalidImageName", f'couldn\'t parse image name "{text}": invalid reference format: {why}')
