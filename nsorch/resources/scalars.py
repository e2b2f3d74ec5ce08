"""The scalar types of the Kubernetes API beyond plain JSON ones."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from nsorch.resources.quantity import canonical

Int32 = Annotated[int, Field(ge=-(2**31), le=2**31 - 1, json_schema_extra={"format": "int32"})]
"""A 32-bit integer, as most numbers of the API are."""

Int64 = Annotated[int, Field(ge=-(2**63), le=2**63 - 1, json_schema_extra={"format": "int64"})]
"""A 64-bit integer."""

IntOrString = Annotated[int | str, Field(json_schema_extra={"x-kubernetes-int-or-string": True})]
"""``intstr.IntOrString``: a number, a percentage ("25%") or a name ("http")."""

Base64 = Annotated[str, Field(json_schema_extra={"format": "byte"})]
"""Bytes as base64 text, exactly as they travel in JSON."""


def _quantity(value: Any) -> Any:
    """Canonical text, as Kubernetes stores it. JSON numbers are allowed where a quantity is expected (``cpu: 1``)."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return canonical(value.strip()) if isinstance(value, str) else value


Quantity = Annotated[str, BeforeValidator(_quantity), Field(json_schema_extra={"x-kubernetes-quantity": True})]
"""``resource.Quantity``: "100m", "1.5", "64Mi", kept in canonical form. See ``quantity.py`` for arithmetic."""
