"""OpenAPI v2 as protobuf (gnostic's ``openapi.v2.Document``): the only form in which Go clients ask for it.

kubectl falls back to it for kinds that OpenAPI v3 does not know, other tools for everything. Source: google/gnostic
``openapiv2/OpenAPIv2.proto``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
CONTENT_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""What the answer is called: "@" is not allowed in a media type, only clients write it."""

_METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "patch": 8}


def encode(document: dict[str, Any]) -> bytes:
    """The message of a swagger document."""
    return b"".join(
        (
            _text(1, document["swagger"]),
            _bytes(2, _text(1, document["info"]["title"]) + _text(2, document["info"]["version"])),
            _bytes(8, b"".join(_named(2, path, _path(item)) for path, item in document["paths"].items())),
            _bytes(9, _schemas(document["definitions"])),
        )
    )


def _path(item: dict[str, Any]) -> bytes:
    operations = [_bytes(number, _operation(item[name])) for name, number in _METHODS.items() if name in item]
    return b"".join(operations) + _parameters(9, item["parameters"])


def _operation(operation: dict[str, Any]) -> bytes:
    responses = (
        _named(1, code, _bytes(1, _text(1, response["description"]) + _response_schema(response)))
        for code, response in operation["responses"].items()
    )
    return b"".join(
        (
            *(_text(1, tag) for tag in operation["tags"]),
            _text(3, operation["description"]),
            _text(5, operation["operationId"]),
            *(_text(6, media) for media in operation["produces"]),
            *(_text(7, media) for media in operation["consumes"]),
            _parameters(8, operation["parameters"]),
            _bytes(9, b"".join(responses)),
            *(_text(10, scheme) for scheme in operation["schemes"]),
            _extensions(13, operation),
        )
    )


def _response_schema(response: dict[str, Any]) -> bytes:
    return _bytes(2, _bytes(1, _schema(response["schema"]))) if "schema" in response else b""


def _parameters(number: int, parameters: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(_bytes(number, _bytes(1, _parameter(parameter))) for parameter in parameters)


def _parameter(parameter: dict[str, Any]) -> bytes:
    required = _flag(parameter.get("required", False))
    where, description = parameter["in"], parameter.get("description", "")
    if where == "body":
        body = _text(1, description) + _text(2, parameter["name"]) + _text(3, where)
        return _bytes(1, body + _number(4, required) + _bytes(5, _schema(parameter["schema"])))
    # Query and path parameters differ in the numbers from the fifth field on.
    type_ = 6 if where == "query" else 5
    head = _number(1, required) + _text(2, where) + _text(3, description) + _text(4, parameter["name"])
    tail = _text(type_, parameter["type"]) + _number(20 if where == "query" else 19, _flag(parameter["uniqueItems"]))
    return _bytes(2, _bytes(3 if where == "query" else 4, head + tail))


def _schemas(schemas: dict[str, Any]) -> bytes:
    return b"".join(_named(1, name, _schema(schema)) for name, schema in schemas.items())


def _schema(schema: dict[str, Any]) -> bytes:
    parts = [
        _text(1, schema.get("$ref", "")),
        _text(2, schema.get("format", "")),
        _text(4, schema.get("description", "")),
        *(_text(19, name) for name in schema.get("required", ())),
        *(_bytes(20, _any(value)) for value in schema.get("enum", ())),
    ]
    if isinstance(schema.get("additionalProperties"), dict):
        parts.append(_bytes(21, _bytes(1, _schema(schema["additionalProperties"]))))
    if "type" in schema:
        parts.append(_bytes(22, _text(1, schema["type"])))
    if "items" in schema:
        parts.append(_bytes(23, _bytes(1, _schema(schema["items"]))))
    if "properties" in schema:
        parts.append(_bytes(25, _schemas(schema["properties"])))
    parts.append(_extensions(31, schema))
    return b"".join(parts)


def _extensions(number: int, value: dict[str, Any]) -> bytes:
    return b"".join(_named(number, name, _any(value[name])) for name in value if name.startswith("x-"))


def _any(value: Any) -> bytes:
    """``Any`` carries YAML text, and JSON is YAML."""
    return _text(2, json.dumps(value))


def _named(number: int, name: str, value: bytes) -> bytes:
    return _bytes(number, _text(1, name) + _bytes(2, value))


def _flag(value: bool) -> int:
    return 1 if value else 0


def _text(number: int, text: str) -> bytes:
    return _bytes(number, text.encode()) if text else b""


def _bytes(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value) if value else b""


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
