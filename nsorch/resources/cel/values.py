"""The kinds of values that Kubernetes adds: quantities, addresses, CIDRs, URLs, semantic versions.

Each is a map with one key that says what it is, so that ``==`` compares them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit

from nsorch.resources.quantity import parse

Value = Mapping[str, Any]
Row = tuple[str, str, tuple[str, ...], Callable[..., Any], bool]

_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][\da-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][\da-zA-Z-]*))*))?"
    r"(?:\+[\da-zA-Z-]+(?:\.[\da-zA-Z-]+)*)?"
)


def rows() -> list[Row]:
    """The declarations, as ``library`` has them."""
    s, i, b, m = "STRING", "INT", "BOOL", "MAP"
    return [
        ("quantity", m, (s,), _quantity, False),
        ("isQuantity", b, (s,), _is(_quantity), False),
        ("sign", i, (m,), lambda one: (_number(one) > 0) - (_number(one) < 0), True),
        ("isInteger", b, (m,), lambda one: _number(one) == int(_number(one)), True),
        ("asInteger", i, (m,), _as_integer, True),
        ("asApproximateFloat", "DOUBLE", (m,), lambda one: float(_number(one)), True),
        ("add", m, (m, m), lambda one, two: _made(_number(one) + _number(two)), True),
        ("add", m, (m, i), lambda one, two: _made(_number(one) + two), True),
        ("sub", m, (m, m), lambda one, two: _made(_number(one) - _number(two)), True),
        ("sub", m, (m, i), lambda one, two: _made(_number(one) - two), True),
        ("isLessThan", b, (m, m), lambda one, two: _order(one) < _order(two), True),
        ("isGreaterThan", b, (m, m), lambda one, two: _order(one) > _order(two), True),
        ("compareTo", i, (m, m), _compare, True),
        ("semver", m, (s,), _semver, False),
        ("isSemver", b, (s,), _is(_semver), False),
        ("major", i, (m,), lambda one: int(one["semver"].split(".")[0]), True),
        ("minor", i, (m,), lambda one: int(one["semver"].split(".")[1]), True),
        ("patch", i, (m,), lambda one: int(re.split(r"[.+-]", one["semver"])[2]), True),
        ("url", m, (s,), _url, False),
        ("isURL", b, (s,), _is(_url), False),
        ("getScheme", s, (m,), lambda one: urlsplit(one["url"]).scheme, True),
        ("getHost", s, (m,), lambda one: urlsplit(one["url"]).netloc.rpartition("@")[2], True),
        ("getHostname", s, (m,), lambda one: urlsplit(one["url"]).hostname or "", True),
        ("getPort", s, (m,), lambda one: str(urlsplit(one["url"]).port or ""), True),
        ("getEscapedPath", s, (m,), lambda one: urlsplit(one["url"]).path, True),
        ("ip", m, (s,), _ip, False),
        ("isIP", b, (s,), _is(_ip), False),
        ("ip.isCanonical", b, (s,), lambda text: str(ipaddress.ip_address(text)) == text, False),
        ("family", i, (m,), lambda one: int(_address(one).version), True),
        ("isUnspecified", b, (m,), lambda one: _address(one).is_unspecified, True),
        ("isLoopback", b, (m,), lambda one: _address(one).is_loopback, True),
        ("isLinkLocalMulticast", b, (m,), _link_local_multicast, True),
        ("isLinkLocalUnicast", b, (m,), lambda one: _address(one).is_link_local, True),
        ("isGlobalUnicast", b, (m,), _global_unicast, True),
        ("cidr", m, (s,), _cidr, False),
        ("isCIDR", b, (s,), _is(_cidr), False),
        ("containsIP", b, (m, s), lambda one, text: ipaddress.ip_address(text) in _network(one), True),
        ("containsIP", b, (m, m), lambda one, two: _address(two) in _network(one), True),
        ("containsCIDR", b, (m, s), lambda one, text: _within(_cidr(text), one), True),
        ("containsCIDR", b, (m, m), lambda one, two: _within(two, one), True),
        ("prefixLength", i, (m,), lambda one: _network(one).prefixlen, True),
        ("masked", m, (m,), lambda one: {"cidr": str(_network(one))}, True),
        ("ip", m, (m,), lambda one: {"ip": one["cidr"].partition("/")[0]}, True),
    ]


def _is(make: Callable[[str], Value]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            make(text)
        except ValueError:
            return False
        return True

    return check


def _quantity(text: str) -> Value:
    return _made(parse(text).value)


def _made(number: Fraction) -> Value:
    return {"quantity": str(number)}


def _number(one: Value) -> Fraction:
    return Fraction(one["quantity"])


def _as_integer(one: Value) -> int:
    number = _number(one)
    if number != int(number):
        raise ValueError("cannot convert value to integer")
    return int(number)


def _order(one: Value) -> Any:
    return _number(one) if "quantity" in one else _precedence(one["semver"])


def _compare(one: Value, two: Value) -> int:
    return int(_order(one) > _order(two)) - int(_order(one) < _order(two))


def _semver(text: str) -> Value:
    if not _SEMVER.fullmatch(text):
        raise ValueError(f"invalid semantic version: {text}")
    return {"semver": text}


def _precedence(text: str) -> Any:
    match = _SEMVER.fullmatch(text)
    assert match is not None
    # A release comes after its pre-releases; within these numbers come before words.
    parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in (match[4] or "").split(".") if part]
    return int(match[1]), int(match[2]), int(match[3]), not match[4] or False, parts


def _url(text: str) -> Value:
    parts = urlsplit(text)
    if not ((parts.scheme and parts.netloc) or text.startswith("/") or (parts.scheme and parts.path)):
        raise ValueError(f"URL parse error during conversion from string: parse {text}: invalid URI for request")
    if parts.port == 0:
        raise ValueError(f"invalid port in {text}")
    return {"url": text}


def _ip(text: str) -> Value:
    address = ipaddress.ip_address(text)
    if "%" in text or (address.version == 6 and address.ipv4_mapped is not None):
        raise ValueError(f"IP Address {text} has a zone or is IPv4-mapped, which is not allowed")
    return {"ip": str(address)}


def _address(one: Value) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(one["ip"])


def _link_local_multicast(one: Value) -> bool:
    address = _address(one)
    if address.version == 4:
        return address in ipaddress.ip_network("224.0.0.0/24")
    return address in ipaddress.ip_network("ff02::/16")


def _global_unicast(one: Value) -> bool:
    address = _address(one)
    none = address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local
    return not none and str(address) != "255.255.255.255"


def _cidr(text: str) -> Value:
    if "/" not in text:
        raise ValueError(f"network address parse error during conversion from string: {text} has no prefix length")
    return {"cidr": str(ipaddress.ip_interface(text))}


def _network(one: Value) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(one["cidr"], strict=False)


def _within(inner: Value, outer: Value) -> bool:
    one, two = _network(inner), _network(outer)
    return one.version == two.version and one.network_address in two and one.prefixlen >= two.prefixlen
