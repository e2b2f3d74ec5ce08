"""OpenAPI v2 (swagger) out of v3, for clients that know nothing newer: the same facts in the older dialect."""

from __future__ import annotations

from typing import Any

_V3 = "#/components/schemas/"
_V2 = "#/definitions/"
_METHODS = ("get", "put", "post", "patch", "delete")
_MEDIA = ["application/json", "application/yaml"]


def convert(document: dict[str, Any]) -> dict[str, Any]:
    """The swagger document of a v3 ``document``."""
    return {
        "swagger": "2.0",
        "info": document["info"],
        "paths": {path: _path(item) for path, item in document["paths"].items()},
        "definitions": {name: _schema(schema) for name, schema in document["components"]["schemas"].items()},
    }


def _path(item: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {method: _operation(item[method]) for method in _METHODS if method in item}
    return result | {"parameters": [_parameter(parameter) for parameter in item["parameters"]]}


def _operation(operation: dict[str, Any]) -> dict[str, Any]:
    parameters = [_parameter(parameter) for parameter in operation["parameters"]]
    result: dict[str, Any] = {
        key: value for key, value in operation.items() if key not in ("parameters", "responses", "requestBody")
    }
    consumes = ["*/*"]
    body = operation.get("requestBody")
    if body:
        consumes = list(body["content"])
        schema = next(iter(body["content"].values()))["schema"]
        entry = {"name": "body", "in": "body", "schema": _schema(schema)}
        parameters.insert(0, entry | ({"required": True} if body.get("required") else {}))
    responses = {}
    for code, response in operation["responses"].items():
        responses[code] = {"description": response["description"]}
        if "content" in response:
            responses[code]["schema"] = _schema(next(iter(response["content"].values()))["schema"])
    result |= {
        "consumes": consumes,
        "produces": _MEDIA,
        "schemes": ["https"],
        "parameters": parameters,
        "responses": responses,
    }
    return result


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {key: value for key, value in parameter.items() if key != "schema"}
    described |= parameter["schema"]
    return described


def _schema(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: _schema(value) for key, value in schema.items()}
    if isinstance(result.get("$ref"), str):
        result["$ref"] = result["$ref"].replace(_V3, _V2)
    # Swagger has no oneOf: amounts, and numbers that may be text, are published as strings.
    if isinstance(result.get("oneOf"), list):
        del result["oneOf"]
        result.setdefault("type", "string")
    if isinstance(result.get("allOf"), list) and len(result["allOf"]) == 1 and "$ref" in result["allOf"][0]:
        result |= result.pop("allOf")[0]
    # The logic of custom kinds' schemas only restricts, and this dialect does not know it.
    for word in ("allOf", "anyOf"):
        if isinstance(result.get(word), list):
            del result[word]
    if isinstance(result.get("nullable"), bool):
        del result["nullable"]
    if result.get("x-kubernetes-preserve-unknown-fields") is True:
        # kubectl would take what the schema does not name for a mistake.
        return {key: value for key, value in result.items() if key not in ("properties", "items", "required")}
    return result
