"""Links in answers, changed so that they lead through the proxy again. Pure.

A server in a Pod knows nothing of the path under which the API shows it: its links to ``/x`` must become links to
``/api/v1/namespaces/.../proxy/x``. Source: k8s.io/apimachinery ``pkg/util/proxy/transport.go``.
"""

from __future__ import annotations

import html
import posixpath
from html.parser import HTMLParser
from urllib.parse import urlsplit, urlunsplit

LINKS = {
    "a": ("href",),
    "applet": ("codebase",),
    "area": ("href",),
    "audio": ("src",),
    "base": ("href",),
    "blockquote": ("cite",),
    "body": ("background",),
    "button": ("formaction",),
    "command": ("icon",),
    "del": ("cite",),
    "embed": ("src",),
    "form": ("action",),
    "frame": ("longdesc", "src"),
    "head": ("profile",),
    "html": ("manifest",),
    "iframe": ("longdesc", "src"),
    "img": ("longdesc", "src", "usemap"),
    "input": ("src", "usemap", "formaction"),
    "ins": ("cite",),
    "link": ("href",),
    "object": ("classid", "codebase", "data", "usemap"),
    "q": ("cite",),
    "script": ("src",),
    "source": ("src",),
    "video": ("poster", "src"),
}
"""Which attributes of which tags hold addresses."""


def rewrite_url(url: str, prefix: str, hosts: tuple[str, ...]) -> str:
    """``url`` led through ``prefix`` if it is absolute and on one of ``hosts`` (``ADDRESS:PORT``) or on none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if (parts.netloc and parts.netloc not in hosts) or (parts.scheme and not parts.netloc):
        return url
    if not parts.path.startswith("/"):
        return url
    path = parts.path
    if not path.startswith(prefix):
        path = posixpath.normpath(prefix + path) + ("/" if path.endswith("/") else "")
    return urlunsplit(("", "", path, parts.query, parts.fragment))


def rewrite_html(text: str, prefix: str, hosts: tuple[str, ...]) -> str:
    """The document with its links changed; everything else stays as it is, byte by byte."""
    finder = _Finder(text, prefix, hosts)
    finder.feed(text)
    finder.close()
    parts: list[str] = []
    position = 0
    for start, end, tag in finder.changes:
        parts += (text[position:start], tag)
        position = end
    return "".join((*parts, text[position:]))


class _Finder(HTMLParser):
    """Finds the tags that change: start, end, and what stands there instead."""

    def __init__(self, text: str, prefix: str, hosts: tuple[str, ...]) -> None:
        super().__init__(convert_charrefs=False)
        self.changes: list[tuple[int, int, str]] = []
        self._prefix = prefix
        self._hosts = hosts
        self._lines = [0]
        for index, character in enumerate(text):
            if character == "\n":
                self._lines.append(index + 1)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag(tag, attrs, ">")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag(tag, attrs, "/>")

    def _tag(self, tag: str, attrs: list[tuple[str, str | None]], end: str) -> None:
        links = LINKS.get(tag, ())
        changed = [
            (name, rewrite_url(value, self._prefix, self._hosts) if name in links and value else value)
            for name, value in attrs
        ]
        original = self.get_starttag_text()
        if changed == attrs or original is None:
            return
        line, column = self.getpos()
        start = self._lines[line - 1] + column
        shown = "".join(f" {name}" if value is None else f' {name}="{html.escape(value)}"' for name, value in changed)
        self.changes.append((start, start + len(original), f"<{tag}{shown}{end}"))
