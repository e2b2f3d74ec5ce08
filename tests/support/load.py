"""A load generator: threads inside a network namespace that ask a URL without a pause and count what fails."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from types import TracebackType
from typing import Self

from tests.support.netns import NetworkNamespace
from tests.support.pods import inside


class Load:
    """``with Load(namespace, "10.96.1.2") as load:``; at the end of the block all requests have been answered.

    ``fresh`` senders open a connection for each request, ``kept`` senders keep theirs for as long as the server does: an
    idle connection that the server has closed is opened again, as every HTTP client does, but a request that was sent
    must be answered.
    """

    def __init__(
        self,
        namespace: NetworkNamespace,
        address: str,
        *,
        port: int = 80,
        path: str = "/",
        fresh: int = 3,
        kept: int = 0,
    ) -> None:
        self._namespace, self._address, self._port, self._path = namespace, address, port, path
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._progress = threading.Condition(self._lock)
        self.sent = 0
        self.errors: list[str] = []
        self.answers: Counter[str] = Counter()
        """By body."""
        self._threads = [threading.Thread(target=self._fresh) for _ in range(fresh)]
        self._threads += [threading.Thread(target=self._kept) for _ in range(kept)]

    def __enter__(self) -> Self:
        # a new thread is born in the network namespace of the thread that starts it
        inside(self._namespace, lambda: [thread.start() for thread in self._threads])
        self.more(len(self._threads))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def more(self, count: int) -> None:
        """Return after ``count`` more requests."""
        with self._progress:
            target = self.sent + count
            assert self._progress.wait_for(lambda: self.sent >= target, 30), f"no answers: {self.errors[-3:]}"

    def check(self) -> None:
        """AssertionError unless every request was answered."""
        assert not self.errors, f"{len(self.errors)} of {self.sent} failed: {self.errors[:5]}"
        assert self.sent > 0

    def _done(self, answer: str, error: str) -> None:
        with self._progress:
            self.sent += 1
            if error:
                self.errors.append(error)
            else:
                self.answers[answer] += 1
            self._progress.notify_all()

    def _fresh(self) -> None:
        while not self._end.is_set():
            connection = http.client.HTTPConnection(self._address, self._port, timeout=10)
            try:
                connection.request("GET", self._path, headers={"Connection": "close"})
                self._take(connection)
            except (OSError, http.client.HTTPException) as error:
                self._done("", f"{type(error).__name__}: {error}")
            finally:
                connection.close()

    def _kept(self) -> None:
        connection = http.client.HTTPConnection(self._address, self._port, timeout=10)
        while not self._end.is_set():
            used = connection.sock is not None
            try:
                connection.request("GET", self._path)
                self._take(connection)
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as error:
                connection.close()
                if not used:
                    self._done("", f"{type(error).__name__}: {error}")
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._done("", f"{type(error).__name__}: {error}")
        connection.close()

    def _take(self, connection: http.client.HTTPConnection) -> None:
        answer = connection.getresponse()
        body = answer.read().decode().strip()
        self._done(body, "" if answer.status == 200 else f"HTTP {answer.status}")
