"""Rules for names, keys and values, with the words Kubernetes uses when they are broken.

Every function returns the list of what is wrong, empty if nothing is.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
"""

from __future__ import annotations

import re

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_DNS1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_QUALIFIED})?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_HTTP_HEADER = "[-A-Za-z0-9]+"
_PERCENT = "[0-9]+%"

_LABEL_RE = re.compile(_LABEL)
_SUBDOMAIN_RE = re.compile(_SUBDOMAIN)
_DNS1035_RE = re.compile(_DNS1035)
_QUALIFIED_RE = re.compile(_QUALIFIED)
_VALUE_RE = re.compile(_VALUE)
_CONFIG_KEY_RE = re.compile(_CONFIG_KEY)
_HTTP_HEADER_RE = re.compile(_HTTP_HEADER)
_PERCENT_RE = re.compile(_PERCENT)
_ENV_RE = re.compile(r"[\x20-\x3c\x3e-\x7e]*")


def _shape(message: str, pattern: str, *examples: str) -> str:
    quoted = " or ".join(f"'{example}', " for example in examples)
    return f"{message} (e.g. {quoted}regex used for validation is '{pattern}')"


def _too_long(limit: int) -> str:
    return f"must be no more than {limit} characters"


def in_range(number: int, low: int, high: int) -> list[str]:
    """``low`` <= ``number`` <= ``high``."""
    return [] if low <= number <= high else [f"must be between {low} and {high}, inclusive"]


def dns_label(text: str) -> list[str]:
    """RFC 1123 label: names of Namespaces, containers, volumes."""
    errors = [] if len(text) <= 63 else [_too_long(63)]
    if not _LABEL_RE.fullmatch(text):
        if _SUBDOMAIN_RE.fullmatch(text):
            errors.append("must not contain dots")
        else:
            errors.append(
                _shape(
                    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
                    "and must start and end with an alphanumeric character",
                    _LABEL,
                    "my-name",
                    "123-abc",
                )
            )
    return errors


def dns_subdomain(text: str) -> list[str]:
    """RFC 1123 subdomain: names of most objects."""
    errors = [] if len(text) <= 253 else [_too_long(253)]
    if not _SUBDOMAIN_RE.fullmatch(text):
        errors.append(
            _shape(
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
                "and must start and end with an alphanumeric character",
                _SUBDOMAIN,
                "example.com",
            )
        )
    return errors


def dns1035_label(text: str) -> list[str]:
    """RFC 1035 label: names of Services."""
    errors = [] if len(text) <= 63 else [_too_long(63)]
    if not _DNS1035_RE.fullmatch(text):
        errors.append(
            _shape(
                "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
                "alphabetic character, and end with an alphanumeric character",
                _DNS1035,
                "my-name",
                "abc-123",
            )
        )
    return errors


def path_segment(text: str) -> list[str]:
    """What cannot be one segment of a URL's path: the least any name must satisfy."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{char}'" for char in "/%" if char in text]


def qualified_name(text: str) -> list[str]:
    """``name`` or ``prefix/name``: keys of labels and annotations, names of resources and conditions."""
    errors: list[str] = []
    prefix, slash, name = text.rpartition("/")
    if "/" in prefix:
        message = _shape(
            "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
            "alphanumeric character",
            _QUALIFIED,
            "MyName",
            "my.name",
            "123-abc",
        )
        return [f"a qualified name {message} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    if slash:
        if not prefix:
            errors.append("prefix part must be non-empty")
        else:
            errors.extend(f"prefix part {error}" for error in dns_subdomain(prefix))
    if not name:
        errors.append("name part must be non-empty")
    elif len(name) > 63:
        errors.append(f"name part {_too_long(63)}")
    if not _QUALIFIED_RE.fullmatch(name):
        errors.append(
            _shape(
                "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with "
                "an alphanumeric character",
                _QUALIFIED,
                "MyName",
                "my.name",
                "123-abc",
            )
        )
    return errors


def label_value(text: str) -> list[str]:
    """The value of a label."""
    errors = [] if len(text) <= 63 else [_too_long(63)]
    if not _VALUE_RE.fullmatch(text):
        errors.append(
            _shape(
                "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
                "and must start and end with an alphanumeric character",
                _VALUE,
                "MyValue",
                "my_value",
                "12345",
            )
        )
    return errors


def env_name(text: str) -> list[str]:
    """The name of an environment variable (the relaxed rule, default since 1.32)."""
    if not text:
        return ["environment variable name must be non-empty"]
    if not _ENV_RE.fullmatch(text):
        return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]
    return []


def config_key(text: str) -> list[str]:
    """A key of a ConfigMap or Secret: also the name of a file."""
    errors = [] if len(text) <= 253 else [_too_long(253)]
    if not _CONFIG_KEY_RE.fullmatch(text):
        errors.append(
            _shape(
                "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
                _CONFIG_KEY,
                "key.name",
                "KEY_NAME",
                "key-name",
            )
        )
    if text in (".", ".."):
        errors.append(f"must not be '{text}'")
    elif text.startswith(".."):
        errors.append("must not start with '..'")
    return errors


def port_number(port: int) -> list[str]:
    """A port that something can listen on."""
    return in_range(port, 1, 65535)


def port_name(text: str) -> list[str]:
    """IANA service name: names of container ports."""
    errors = [] if len(text) <= 15 else [_too_long(15)]
    if not re.fullmatch("[-a-z0-9]+", text):
        errors.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", text):
        errors.append("must contain at least one letter (a-z)")
    if "--" in text:
        errors.append("must not contain consecutive hyphens")
    if text.startswith("-") or text.endswith("-"):
        errors.append("must not begin or end with a hyphen")
    return errors


def http_header(text: str) -> list[str]:
    """The name of an HTTP header."""
    if _HTTP_HEADER_RE.fullmatch(text):
        return []
    return [
        _shape(
            "a valid HTTP header must consist of alphanumeric characters or '-'",
            _HTTP_HEADER,
            "X-Header-Name",
        )
    ]


def percent(text: str) -> list[str]:
    """ "25%"."""
    if _PERCENT_RE.fullmatch(text):
        return []
    return [_shape("a valid percent string must be a numeric string followed by an ending '%'", _PERCENT, "1%", "93%")]
