"""The pure parts of proxying: names, paths, headers, and links that must lead through the proxy again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsorch.api.failures import Failure
from nsorch.api.handlers.proxy import split
from nsorch.api.proxy.headers import is_upgrade, of_request, passed_on
from nsorch.api.proxy.locations import Location, Wanted, of_pod, parse
from nsorch.api.proxy.rewrite import rewrite_html, rewrite_url
from nsorch.resources import Pod

PREFIX = "/api/v1/namespaces/ns/pods/web/proxy"
HOSTS = ("10.244.0.2:8080", "127.0.0.1:8001")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("web", Wanted("", "web", "")),
        ("web:80", Wanted("", "web", "80")),
        ("web:http", Wanted("", "web", "http")),
        ("https:web:443", Wanted("https", "web", "443")),
        ("http:web:", Wanted("http", "web", "")),
        (":web:80", Wanted("", "web", "80")),
    ],
)
def test_names(text: str, wanted: Wanted) -> None:
    assert parse(text, "service") == wanted


@pytest.mark.parametrize("text", ["", ":80", "ftp:web:21", "a:b:c:d", "https::443"])
def test_names_that_are_none(text: str) -> None:
    with pytest.raises(Failure, match="invalid service request") as failure:
        parse(text, "service")
    assert failure.value.code == 400


def pod(address: str, *ports: dict[str, object]) -> Pod:
    containers = [{"name": "side", "image": "x"}, {"name": "main", "image": "x", "ports": list(ports)}]
    return Pod.from_dict(
        {"metadata": {"name": "web"}, "spec": {"containers": containers}, "status": {"podIP": address}}
    )


def test_ports_of_pods() -> None:
    web = pod("10.244.0.2", {"containerPort": 8080}, {"containerPort": 9090, "name": "metrics"})
    assert of_pod(web, parse("web", "pod")) == Location("http", "10.244.0.2", 8080)
    assert of_pod(web, parse("web:metrics", "pod")).port == 9090
    assert of_pod(web, parse("https:web:1", "pod")).origin == "https://10.244.0.2:1"
    assert of_pod(pod("10.244.0.2"), parse("web", "pod")).port == 80
    assert of_pod(pod("10.244.0.2"), parse("https:web:", "pod")).port == 443
    assert of_pod(pod("fd00::2"), parse("web", "pod")).origin == "http://[fd00::2]:80"


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1", "127.8.8.8", "169.254.169.254", "::1", "0.0.0.0", "224.0.0.1", "x"]
)
def test_addresses_that_are_not_reached(address: str) -> None:
    with pytest.raises(Failure, match="address not allowed"):
        of_pod(pod(address), parse("web", "pod"))


@pytest.mark.parametrize("port", ["0", "65536", "nothing"])
def test_ports_that_are_none(port: str) -> None:
    with pytest.raises(Failure):
        of_pod(pod("10.244.0.2"), parse(f"web:{port}", "pod"))


@pytest.mark.parametrize(
    ("path", "namespaced", "expected"),
    [
        (PREFIX, True, (PREFIX, "")),
        (f"{PREFIX}/", True, (PREFIX, "/")),
        (f"{PREFIX}/a//b%2Fc/?x=%20&y", True, (PREFIX, "/a//b%2Fc/?x=%20&y")),
        (f"{PREFIX}?x=/y", True, (PREFIX, "?x=/y")),
        ("/api/v1/nodes/vm/proxy/healthz", False, ("/api/v1/nodes/vm/proxy", "/healthz")),
    ],
)
def test_paths(path: str, namespaced: bool, expected: tuple[str, str]) -> None:
    assert split(path, namespaced) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/", f"{PREFIX}/"),
        ("/a/b?c=d#e", f"{PREFIX}/a/b?c=d#e"),
        ("http://10.244.0.2:8080/x/", f"{PREFIX}/x/"),
        ("http://127.0.0.1:8001/x", f"{PREFIX}/x"),
        (f"{PREFIX}/x", f"{PREFIX}/x"),
        ("relative/path", "relative/path"),
        ("#here", "#here"),
        ("http://example.com/x", "http://example.com/x"),
        ("//example.com/x", "//example.com/x"),
        ("mailto:somebody", "mailto:somebody"),
        ("http://[bad", "http://[bad"),
    ],
)
def test_links(url: str, expected: str) -> None:
    assert rewrite_url(url, PREFIX, HOSTS) == expected


def test_pages() -> None:
    page = (
        '<!DOCTYPE html>\n<html><head><link rel=stylesheet href="/s.css">\n<script>if (a<b) x="/y";</script></head>\n'
        "<!-- <a href='/not'> --><BODY><a href='/x?a=1&amp;b=2' title=\"&lt;\">/x &amp; &copy;</a>\n"
        '<img alt src=/i.png /><a href="rel">r</a><p data-src="/no">'
    )
    changed = rewrite_html(page, PREFIX, HOSTS)
    assert changed == (
        page.replace('<link rel=stylesheet href="/s.css">', f'<link rel="stylesheet" href="{PREFIX}/s.css">')
        .replace("<a href='/x?a=1&amp;b=2'", f'<a href="{PREFIX}/x?a=1&amp;b=2"')
        .replace("<img alt src=/i.png />", f'<img alt src="{PREFIX}/i.png"/>')
    )


@given(st.text(alphabet="<>/=\"'ab &;!-\n\r\té", max_size=200))
def test_what_has_no_links_stays_as_it_is(page: str) -> None:
    assert rewrite_html(page, PREFIX, HOSTS) == page


def test_headers() -> None:
    given = [
        ("Host", "api"),
        ("Authorization", "Bearer secret"),
        ("Impersonate-User", "somebody"),
        ("Connection", "keep-alive, X-Mine"),
        ("X-Mine", "1"),
        ("Keep-Alive", "5"),
        ("Accept", "a"),
        ("Accept", "b"),
        ("X-Forwarded-For", "192.0.2.1"),
        ("Transfer-Encoding", "chunked"),
    ]
    sent = of_request(given, "192.0.2.7", f"{PREFIX}/x", upgrade=False)
    assert sorted(sent.items()) == [
        ("Accept", "a"),
        ("Accept", "b"),
        ("Host", "api"),
        ("X-Forwarded-For", "192.0.2.1, 192.0.2.7"),
        ("X-Forwarded-Uri", f"{PREFIX}/x"),
    ]


def test_upgrades() -> None:
    asked = [("connection", "keep-alive, Upgrade"), ("upgrade", "websocket"), ("Sec-WebSocket-Key", "x")]
    assert is_upgrade(asked)
    assert not is_upgrade([("Connection", "Upgrade")])
    assert not is_upgrade([("Upgrade", "websocket")])
    kept = passed_on(asked, upgrade=True)
    assert (kept["Connection"], kept["Upgrade"], kept["Sec-WebSocket-Key"]) == ("Upgrade", "websocket", "x")
    assert list(passed_on(asked)) == ["Sec-WebSocket-Key"]
