"""The kubeconfig: where the server is, whom to trust, and who one is, all in one file that works anywhere."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from nsorch.api.access.pki import Pair
from nsorch.kit.files import write_atomic

CONTEXT = "nsorch"


def render(server: str, ca: Path, client: Pair) -> str:
    """The file's text, certificates embedded. JSON is YAML, and needs no quoting rules of its own."""
    user = "nsorch-admin"
    return (
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [
                    {"name": CONTEXT, "cluster": {"server": server, "certificate-authority-data": _embed(ca)}}
                ],
                "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": user, "namespace": "default"}}],
                "current-context": CONTEXT,
                "users": [
                    {
                        "name": user,
                        "user": {
                            "client-certificate-data": _embed(client.certificate),
                            "client-key-data": _embed(client.key),
                        },
                    }
                ],
                "preferences": {},
            },
            indent=2,
        )
        + "\n"
    )


def write(path: Path, server: str, ca: Path, client: Pair) -> None:
    """Write it with mode 0600, unless it is right already."""
    text = render(server, ca, client)
    if not path.exists() or path.read_text() != text or path.stat().st_mode & 0o077:
        write_atomic(path, text, durable=True)


def _embed(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
