"""``nsorch get -w``: what is there, and then every change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nsorch.cli import output as out
from nsorch.cli.connection import JSON, TABLE
from nsorch.cli.failure import CommandFailure
from nsorch.cli.kinds import Served
from nsorch.cli.options import Session


class Watching:
    """Prints the list, then a row or document for each change; lines stay aligned, with one header."""

    def __init__(
        self,
        session: Session,
        kind: Served,
        namespace: str | None,
        query: Mapping[str, str],
        output: str,
        *,
        labels: bool,
        headers: bool,
    ) -> None:
        self._session = session
        self._kind = kind
        self._url = kind.url(namespace)
        self._everywhere = namespace is None and kind.namespaced
        self._query = query
        self._output = output
        self._as_table = output in ("", "wide")
        self._labels = labels
        self._headers = headers
        self._widths: list[int] = []
        self._definitions: Any = None

    def run(self) -> None:
        """Until the reader or the daemon goes away."""
        accept = TABLE if self._as_table else JSON
        connection = self._session.connection
        answer = connection.call("GET", self._url, query=self._query, accept=accept)
        if self._as_table:
            self._print_table(answer)
        else:
            for item in answer["items"]:
                self._print({"apiVersion": self._kind.api_version, "kind": self._kind.kind, **item})
        version = answer["metadata"]["resourceVersion"]
        while True:  # the server ends a watch after a time; go on where it ended
            query = {
                **self._query,
                "watch": "true",
                "resourceVersion": version,
                "allowWatchBookmarks": "true",
            }
            for event in connection.lines("GET", self._url, query=query, accept=accept):
                item = event["object"]
                if event["type"] == "ERROR":
                    raise CommandFailure(f"cannot go on watching {self._kind.plural}: {item.get('message', item)}")
                version = _version(item) or version
                if event["type"] == "BOOKMARK":
                    continue
                if self._as_table:
                    self._print_table(item)
                else:
                    self._print(item)

    def _print_table(self, answer: dict[str, Any]) -> None:
        self._definitions = answer.get("columnDefinitions") or self._definitions
        if not answer.get("rows"):
            return
        text = out.table(
            {**answer, "columnDefinitions": self._definitions},
            wide=self._output == "wide",
            with_namespace=self._everywhere,
            with_labels=self._labels,
            headers=self._headers,
            widths=self._widths,
        )
        print(text, flush=True)
        self._headers = False

    def _print(self, item: dict[str, Any]) -> None:
        if self._output == "name":
            print(out.name(self._kind, item), flush=True)
        else:
            print(("---\n" if self._output == "yaml" else "") + out.document(item, self._output), flush=True)


def _version(item: Mapping[str, Any]) -> str:
    """The resourceVersion of an object, or of a Table with one row."""
    if item.get("rows"):
        item = item["rows"][0]["object"]
    return str((item.get("metadata") or {}).get("resourceVersion") or "")
