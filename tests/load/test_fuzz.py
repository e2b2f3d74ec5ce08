"""Requests made up from the served OpenAPI by schemathesis: whatever they say, the daemon stays well.

Writes are dry runs, except for kinds that only store: a made-up Deployment may ask for a thousand million Pods.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.load.test_bad_input import memory
from tests.support.cluster import Cluster
from tests.support.hostile import exchange, request
from tests.support.space import Api

SECONDS = 25.0
EXAMPLES = 4
"""Of each operation in one turn."""
STORED = ("/configmaps", "/secrets")
LONG = ("/exec", "/attach", "/portforward", "/proxy", "/log")


def operations(api: Api) -> list[Any]:
    """Every operation of every group version that is served."""
    found: list[Any] = []
    for entry in api.call("GET", "/openapi/v3")["paths"].values():
        schema = schemathesis.openapi.from_dict(api.call("GET", entry["serverRelativeURL"]))
        found += [result.ok() for result in schema.get_all_operations()]
    return [operation for operation in found if not any(part in operation.path for part in LONG)]


def send(path: Path, case: Any) -> bytes:
    """One made-up case over the socket."""
    import requests

    arguments = case.as_transport_kwargs(base_url="http://x")
    query = dict(arguments.get("params") or {})
    query |= {"timeoutSeconds": "1"} if query.get("watch") else {}
    if case.method != "GET" and not case.operation.path.split("{name}")[0].rstrip("/").endswith(STORED):
        query["dryRun"] = "All"
    arguments["params"] = query
    allowed = ("method", "url", "headers", "params", "json", "data", "cookies")
    made = requests.Request(**{key: value for key, value in arguments.items() if key in allowed}).prepare()
    body = made.body.encode() if isinstance(made.body, str) else made.body or b""
    headers = {
        name: value.decode("latin-1") if isinstance(value, bytes) else value
        for name, value in made.headers.items()
        if name not in ("Content-Length", "Connection", "Accept-Encoding")
    }
    return exchange(path, request(str(made.method), made.path_url, body, **headers), seconds=20)


@pytest.mark.filterwarnings("ignore")
def test_no_made_up_request_hurts(daemon: Cluster) -> None:
    path = daemon.files / "run" / "api.sock"
    todo = operations(Api(path))
    random.shuffle(todo)
    ends = time.monotonic() + SECONDS
    codes: Counter[str] = Counter()
    before = memory(daemon)

    def attack(operation: Any) -> None:
        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def run(case: Any) -> None:
            if time.monotonic() > ends:
                return
            answer = send(path, case)
            status = answer[9:12].decode()
            codes[status] += 1
            assert answer, f"{case.method} {case.formatted_path}: no answer"
            assert not status.startswith("5") or status == "504", (case.method, case.formatted_path, answer[-3000:])

        run()

    for operation in todo:
        if time.monotonic() > ends:
            break
        attack(operation)
    print(dict(codes))
    assert codes["200"] + codes["201"] > 20, "some of it is understood"
    assert memory(daemon) - before < 24
    assert Api(path).call("GET", "/readyz?verbose")
    daemon.check_log()
