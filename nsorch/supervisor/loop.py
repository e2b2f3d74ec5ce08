"""A very small event loop: descriptors, deadlines and children, in one thread. It sleeps until something happens."""

from __future__ import annotations

import functools
import heapq
import itertools
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

Callback = Callable[[], None]


class Deadline:
    """One call in the future; ``cancel()`` is always safe."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callback) -> None:
        self.when = when
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """Runs callbacks one after the other; ``after_each`` runs whenever a round of them is done."""

    def __init__(self) -> None:
        self._selector = selectors.EpollSelector()
        self._deadlines: list[tuple[float, int, Deadline]] = []
        self._order = itertools.count()
        self._children: dict[int, Callable[[int], None]] = {}
        self._soon: list[Callback] = []
        self.after_each: Callback | None = None
        self._running = True
        # A signal handler in Python is needed for the wake-up descriptor to work; it has nothing to do itself.
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _nothing)
        self._signals: dict[int, Callback] = {int(signal.SIGCHLD): self._reap}
        self.read(self._woken, self._signalled)

    def read(self, file: Any, callback: Callback) -> None:
        """Call when ``file`` can be read (or has ended). Replaces what was registered for it."""
        self._watch(file, selectors.EVENT_READ, callback)

    def write(self, file: Any, callback: Callback | None) -> None:
        """Call when ``file`` can be written, beside an earlier ``read``; None stops that."""
        self._watch(file, selectors.EVENT_WRITE, callback)

    def _watch(self, file: Any, event: int, callback: Callback | None) -> None:
        try:
            key = self._selector.get_key(file)
        except KeyError:
            if callback is not None:
                self._selector.register(file, event, {event: callback})
            return
        callbacks: dict[int, Callback] = key.data
        if callback is None:
            callbacks.pop(event, None)
        else:
            callbacks[event] = callback
        if callbacks:
            self._selector.modify(file, sum(callbacks), callbacks)
        else:
            self._selector.unregister(file)

    def forget(self, file: Any) -> None:
        """Stop watching ``file``; safe when it never was. Call it before closing."""
        try:
            self._selector.unregister(file)
        except (KeyError, ValueError):
            pass

    def after(self, seconds: float, callback: Callback) -> Deadline:
        """Call once, ``seconds`` from now (monotonic)."""
        deadline = Deadline(time.monotonic() + max(0.0, seconds), callback)
        heapq.heappush(self._deadlines, (deadline.when, next(self._order), deadline))
        return deadline

    def soon(self, callback: Callback) -> None:
        """Call in the next round."""
        self._soon.append(callback)

    def child(self, pid: int, callback: Callable[[int], None]) -> None:
        """Call with the wait status (as waitpid(2) gives it) once the child ``pid`` has ended."""
        self._children[pid] = callback

    def signal(self, number: int, callback: Callback) -> None:
        """Call when the signal ``number`` has arrived."""
        self._signals[int(number)] = callback
        signal.signal(number, _nothing)

    def _signalled(self) -> None:
        try:
            numbers = self._woken.recv(4096)
        except BlockingIOError:
            return
        for number in set(numbers):
            callback = self._signals.get(number)
            if callback is not None:
                _guarded(callback)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            callback = self._children.pop(pid, None)
            if callback is not None:  # else an orphan that we inherited as its subreaper
                _guarded(functools.partial(callback, status))

    def abandon(self) -> None:
        """In a forked child: let go of a parent's loop without touching what the parent waits for."""
        signal.set_wakeup_fd(-1)
        self._selector.close()
        self._woken.close()
        self._waker.close()

    def stop(self) -> None:
        self._running = False

    def run(self) -> None:
        while self._running:
            self.round()
        if self.after_each is not None:
            _guarded(self.after_each)

    def round(self) -> None:
        """Wait for the next event and handle what is there."""
        soon, self._soon = self._soon, []
        for callback in soon:
            _guarded(callback)
        if self.after_each is not None:
            _guarded(self.after_each)
        if not self._running:
            return
        for key, mask in self._selector.select(self._timeout()):
            # The events of epoll include EPOLLHUP for both directions; a handler may remove others of this round.
            for event, callback in list(key.data.items()):
                if mask & event and key.data.get(event) is callback:
                    _guarded(callback)
        now = time.monotonic()
        while self._deadlines and (self._deadlines[0][0] <= now or self._deadlines[0][2].callback is None):
            deadline = heapq.heappop(self._deadlines)[2]
            if deadline.callback is not None:
                _guarded(deadline.callback)

    def _timeout(self) -> float | None:
        if self._soon:
            return 0
        while self._deadlines and self._deadlines[0][2].callback is None:
            heapq.heappop(self._deadlines)
        if not self._deadlines:
            return None
        return max(0.0, self._deadlines[0][0] - time.monotonic())


def _guarded(callback: Callback) -> None:
    """A mistake in one event must not take a Pod's containers down: it is reported, the others go on."""
    try:
        callback()
    except Exception as error:
        try:
            sys.excepthook(type(error), error, error.__traceback__)
        except OSError:
            pass  # standard error is closed


def _nothing(number: int, frame: Any) -> None:
    del number, frame
