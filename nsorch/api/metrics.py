"""``/metrics`` in the text format of Prometheus: counted as requests pass, written when somebody asks, nothing at idle.

Names follow kube-apiserver's and the client library's where they have one.
"""

from __future__ import annotations

import os
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from aiohttp import web

from nsorch.api.call import Call
from nsorch.store import Store

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
PAGE = os.sysconf("SC_PAGE_SIZE")

Labels = tuple[tuple[str, str], ...]


def verb_of(call: Call, lasts: bool) -> str:
    """The API's verb of a request."""
    where = call.target
    if where is None:
        return call.request.method.lower()
    if call.request.method == "GET":
        if where.name:
            return "get"
        return "watch" if lasts else "list"
    if call.request.method == "DELETE" and not where.name:
        return "deletecollection"
    return VERBS.get(call.request.method, call.request.method.lower())


class Metrics:
    """Counters of one server."""

    def __init__(self, open_requests: Callable[[], int]) -> None:
        self._open_requests = open_requests
        self._count: Counter[tuple[str, str, str, int]] = Counter()
        self._seconds: defaultdict[tuple[str, str, str], float] = defaultdict(float)
        self._started = time.time()

    def note(self, call: Call, code: int, seconds: float, *, lasts: bool) -> None:
        """One answered request. What lasts is counted, but how long says nothing."""
        where = call.target
        key = (verb_of(call, lasts), where.kind.resource if where else "", where.subresource if where else "")
        self._count[*key, code] += 1
        if not lasts:
            self._seconds[key] += seconds

    def text(self, store: Store) -> str:
        """Everything, as of now."""
        requests = [
            ((("verb", verb), ("resource", kind), ("subresource", part), ("code", str(code))), float(count))
            for (verb, kind, part, code), count in sorted(self._count.items())
        ]
        seconds = [
            ((("verb", verb), ("resource", kind), ("subresource", part)), float(spent))
            for (verb, kind, part), spent in sorted(self._seconds.items())
        ]
        objects = [((("resource", kind),), float(store.count(kind))) for kind in store.resources()]
        phases = Counter(
            getattr(getattr(record.obj, "status", None), "phase", None) or "Unknown" for record in store.list("pods")
        )
        pods = [((("phase", phase),), float(count)) for phase, count in sorted(phases.items())]
        usage = resource.getrusage(resource.RUSAGE_SELF)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        descriptors = len(os.listdir("/proc/self/fd"))
        return "".join(
            (
                _metric("apiserver_request_total", "counter", "Requests answered.", requests),
                _metric("apiserver_request_duration_seconds_sum", "counter", "Time to answer them.", seconds),
                _metric(
                    "apiserver_current_inflight_requests", "gauge", "Requests and streams open.", self._open_requests()
                ),
                _metric("apiserver_storage_objects", "gauge", "Objects stored.", objects),
                _metric("nsorch_store_revision", "counter", "Newest durable resourceVersion.", store.revision),
                _metric("nsorch_store_commits_total", "counter", "Transactions that were durable.", store.commits),
                _metric("nsorch_pods", "gauge", "Pods by phase.", pods),
                _metric("process_cpu_seconds_total", "counter", "Time of processor.", usage.ru_utime + usage.ru_stime),
                _metric("process_resident_memory_bytes", "gauge", "Resident memory.", pages * PAGE),
                _metric("process_open_fds", "gauge", "Open file descriptors.", descriptors),
                _metric("process_start_time_seconds", "gauge", "Start, since the epoch.", self._started),
            )
        )

    async def handle(self, call: Call) -> web.StreamResponse:
        """The handler of ``/metrics``."""
        text = self.text(call.api.operations.store)
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})


def _metric(name: str, kind: str, told: str, values: float | Iterable[tuple[Labels, float]]) -> str:
    lines = [f"# HELP {name} {told}", f"# TYPE {name} {kind}"]
    if isinstance(values, int | float):
        lines.append(f"{name} {values:.17g}")
    else:
        for labels, value in values:
            shown = ",".join(f'{label}="{text}"' for label, text in labels)
            lines.append(f"{name}{{{shown}}} {value:.17g}")
    return "\n".join(lines) + "\n"
