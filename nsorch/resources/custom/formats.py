"""The formats of strings that Kubernetes checks in custom objects; others are not looked at.

Source: k8s.io/kube-openapi ``pkg/validation/strfmt``.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import ipaddress
import re
from collections.abc import Callable
from urllib.parse import urlsplit

_UUID = re.compile(r"(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?([0-9a-f])[0-9a-f]{3}-?([0-9a-f])[0-9a-f]{3}-?[0-9a-f]{12}")
_HOST_LABEL = re.compile(r"[a-zA-Z0-9_]([-a-zA-Z0-9_]{0,61}[a-zA-Z0-9_])?")
_MAC = re.compile(
    r"(?i)[0-9a-f]{2}(:[0-9a-f]{2}){5}(([:][0-9a-f]{2}){2})?|[0-9a-f]{2}(-[0-9a-f]{2}){5}|[0-9a-f]{4}(\.[0-9a-f]{4}){2}"
)
_DATE_TIME = re.compile(r"(?i)(\d{4}-\d{2}-\d{2})[t ](\d{2}:\d{2}:\d{2})(\.\d+)?(z|[+-]\d{2}:?\d{2})")
_DURATION = re.compile(r"(\d+)\s*([a-zµμ]+)")
_GO_DURATION = re.compile(r"[-+]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)")
_EMAIL = re.compile(r"[^@\s<>()\[\],;:]+@[^@\s]+")
_HEX_COLOR = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_RGB_COLOR = re.compile(r"rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)")
_UNITS = re.compile(
    "ns|nano(s|seconds?)?|[uµμ]s|micro(s|seconds?)?|ms|milli(s|seconds?)?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|"
    "hours?|d|days?|w|weeks?"
)


def _uuid(version: str = "") -> Callable[[str], bool]:
    def check(text: str) -> bool:
        match = _UUID.fullmatch(text)
        return match is not None and (not version or match[1] == version)

    return check


def _hostname(text: str) -> bool:
    labels = text.removesuffix(".").split(".")
    return 0 < len(text) <= 255 and all(_HOST_LABEL.fullmatch(label) for label in labels)


def _address(kind: type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            kind(text)
        except ValueError:
            return False
        return True

    return check


def _cidr(text: str) -> bool:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return "/" in text


def _uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme) or text.startswith("/")


def _byte(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _date(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 10


def _date_time(text: str) -> bool:
    match = _DATE_TIME.fullmatch(text)
    if match is None or not _date(match[1]):
        return False
    hour, minute, second = (int(part) for part in match[2].split(":"))
    return hour < 24 and minute < 60 and second < 61


def _duration(text: str) -> bool:
    if _GO_DURATION.fullmatch(text):
        return True
    match = _DURATION.fullmatch(text.strip().lower())
    return match is not None and _UNITS.fullmatch(match[2]) is not None


def _rgb(text: str) -> bool:
    match = _RGB_COLOR.fullmatch(text)
    return match is not None and all(int(part) < 256 for part in match.groups())


_CHECKS: dict[str, Callable[[str], bool]] = {
    "bsonobjectid": lambda text: re.fullmatch("[0-9a-f]{24}", text) is not None,
    "byte": _byte,
    "cidr": _cidr,
    "date": _date,
    "date-time": _date_time,
    "datetime": _date_time,
    "duration": _duration,
    "email": lambda text: _EMAIL.fullmatch(text) is not None,
    "hexcolor": lambda text: _HEX_COLOR.fullmatch(text) is not None,
    "hostname": _hostname,
    "ipv4": _address(ipaddress.IPv4Address),
    "ipv6": _address(ipaddress.IPv6Address),
    "mac": lambda text: _MAC.fullmatch(text) is not None,
    "rgbcolor": _rgb,
    "uri": _uri,
    "uuid": _uuid(),
    "uuid3": _uuid("3"),
    "uuid4": _uuid("4"),
    "uuid5": _uuid("5"),
}


def fits(text: str, form: str) -> bool:
    """Whether a string has the format; true for formats that are not checked."""
    check = _CHECKS.get(form.replace("-", "") if form != "date-time" else form)
    return check is None or check(text)
