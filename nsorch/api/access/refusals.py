"""How a refusal of authorization is worded.

Source: k8s.io/apiserver ``pkg/endpoints/handlers/responsewriters/errors.go``.
"""

from __future__ import annotations

import json
from typing import Any

from nsorch.api.access.attributes import Attributes
from nsorch.api.access.user import User
from nsorch.api.failures import Failure


def forbidden(user: User, asked: Attributes, why: str = "") -> Failure:
    """403 with user, verb and resource, group and place."""
    who = json.dumps(user.name, ensure_ascii=False)
    if not asked.resource:
        return Failure(403, "Forbidden", f'forbidden: User {who} cannot {asked.verb} path "{asked.path}"')
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    text = f'User {who} cannot {asked.verb} resource "{asked.full_resource}" in API group "{asked.group}" {where}'
    resource = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    head = f'{resource} "{asked.name}" is forbidden' if asked.name else f"{resource} is forbidden"
    details: dict[str, Any] = {"name": asked.name} if asked.name else {}
    if asked.group:
        details["group"] = asked.group
    return Failure(403, "Forbidden", f"{head}: {text}{f': {why}' if why else ''}", details | {"kind": asked.resource})
