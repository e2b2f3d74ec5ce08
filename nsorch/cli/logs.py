"""``nsorch logs``: what containers printed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from nsorch.cli import targets
from nsorch.cli.durations import whole_seconds
from nsorch.cli.failure import CommandFailure
from nsorch.cli.options import Container, Namespace, Root, Selector, Session

AT_ONCE = 50
"""Streams that may be followed at the same time."""
TAIL_OF_MANY = 10
"""Lines of each container when Pods are chosen by labels and ``--tail`` is not given, as kubectl has it."""


def register(app: typer.Typer) -> None:
    app.command()(logs)


def logs(
    what: Annotated[list[str] | None, typer.Argument(metavar="POD|KIND/NAME [CONTAINER]", show_default=False)] = None,
    container: Container = "",
    namespace: Namespace = "default",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as it prints.")] = False,
    previous: Annotated[bool, typer.Option("--previous", "-p", help="Of the run before.")] = False,
    tail: Annotated[
        int, typer.Option("--tail", metavar="N", help="Only the last N lines [all; 10 with -l].", show_default=False)
    ] = -1,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="Newer than 5s, 2m or 1h30m.")] = "",
    since_time: Annotated[
        str, typer.Option("--since-time", metavar="TIME", help="Newer than 2030-01-31T12:00:00Z.")
    ] = "",
    timestamps: Annotated[bool, typer.Option("--timestamps", help="Begin each line with its time.")] = False,
    selector: Selector = "",
    all_containers: Annotated[bool, typer.Option("--all-containers", help="Of every container.")] = False,
    all_pods: Annotated[bool, typer.Option("--all-pods", help="Of every Pod of KIND/NAME.")] = False,
    prefix: Annotated[bool, typer.Option("--prefix", help="Begin each line with Pod and container.")] = False,
    limit_bytes: Annotated[int, typer.Option("--limit-bytes", metavar="N", help="At most so much.", min=0)] = 0,
    root: Root = None,
) -> None:
    """Print what a Pod's containers printed.

    \b
    nsorch logs web-1 -f
    nsorch logs deploy/web -c proxy --since 1h30m
    nsorch logs -l app=web --all-containers --prefix
    """
    what = what or []
    if bool(what) == bool(selector) or len(what) > 2:
        raise CommandFailure("say whose log: POD, KIND/NAME, or -l LABELS", 2)
    if len(what) == 2:
        if container or all_containers:
            raise CommandFailure("name the container once, or say --all-containers", 2)
        container = what[1]
    if container and all_containers:
        raise CommandFailure("choose between -c and --all-containers", 2)
    if since and since_time:
        raise CommandFailure("choose between --since and --since-time", 2)
    if tail < 0 and selector:
        tail = TAIL_OF_MANY
    query = {
        "follow": "true" if follow else "",
        "previous": "true" if previous else "",
        "timestamps": "true" if timestamps else "",
        "tailLines": tail if tail >= 0 else "",
        "sinceSeconds": whole_seconds(since) if since else "",
        "sinceTime": since_time,
        "limitBytes": limit_bytes or "",
    }
    session = Session(root)
    if selector:
        pods = targets.selected(session, selector, namespace)
        if not pods:
            print(f"No resources found in {namespace} namespace.", file=sys.stderr)
            return
    elif all_pods:
        pods = targets.pods(session, what[0], namespace)
    else:
        pods = [targets.one(session, what[0], namespace)]
    wanted = [
        (pod["metadata"]["name"], name)
        for pod in pods
        for name in (targets.containers(pod) if all_containers else [targets.container(pod, container)])
    ]
    url = session.kinds.find("pods").url
    streams = [
        _Stream(session, url(namespace, pod, "log"), {**query, "container": name}, f"[pod/{pod}/{name}] " * prefix)
        for pod, name in wanted
    ]
    if follow and len(streams) > 1:
        _together(streams)
        return
    failed = 0
    for stream in streams:
        try:
            stream.print()
        except CommandFailure as failure:
            if len(streams) == 1:
                raise
            failed = 1
            print(f"nsorch: {failure.message}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)


_printing = threading.Lock()


class _Stream:
    """The log of one container."""

    def __init__(self, session: Session, url: str, query: Mapping[str, Any], prefix: str) -> None:
        self._session = session
        self._url = url
        self._query = query
        self._prefix = prefix.encode()

    def print(self, *, whole_lines: bool = False) -> None:
        """Copy it to standard output; with a prefix, or beside others, only whole lines at a time."""
        out = sys.stdout.buffer
        rest = b""
        for chunk in self._session.connection.stream("GET", self._url, query=self._query):
            if not (self._prefix or whole_lines):
                out.write(chunk)
                out.flush()
                continue
            *lines, rest = (rest + chunk).split(b"\n")
            with _printing:
                out.writelines(self._prefix + line + b"\n" for line in lines)
                out.flush()
        if rest:
            with _printing:
                out.write(self._prefix + rest + b"\n")
                out.flush()


def _together(streams: list[_Stream]) -> None:
    """Follow all at once, each on a connection and a thread of its own, until all have ended."""
    if len(streams) > AT_ONCE:
        raise CommandFailure(f"cannot follow {len(streams)} containers at once: choose {AT_ONCE} or fewer")
    failures: list[CommandFailure] = []

    def follow(stream: _Stream) -> None:
        try:
            stream.print(whole_lines=True)
        except CommandFailure as failure:
            failures.append(failure)
            print(f"nsorch: {failure.message}", file=sys.stderr)

    threads = [threading.Thread(target=follow, args=(stream,), daemon=True) for stream in streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise typer.Exit(1)
