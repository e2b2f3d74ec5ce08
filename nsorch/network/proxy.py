"""Keeps the kernel's Service rules in step with Services and EndpointSlices.

One task, one worker thread. A change marks its Service dirty and wakes the task; the task computes the dirty Services
(pure, on the loop) and lets the thread write the difference. What arrives meanwhile waits and goes out together: a burst
of a hundred changes costs a few writes, a single change is written at once.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType

from nsorch.kit.logs import logger
from nsorch.network.rules.compute import port_rules, service_of
from nsorch.network.rules.conntrack import UdpFlows
from nsorch.network.rules.events import RuleEvents
from nsorch.network.rules.iptables import IptablesWriter
from nsorch.network.rules.value import PortRule, RulesError, RuleWriter, ServiceRules
from nsorch.network.settings import NetworkSettings
from nsorch.resources.client import Change, Client
from nsorch.resources.endpointslice import EndpointSlice
from nsorch.resources.service import Service

RETRY_FIRST, RETRY_LAST = 0.5, 30.0
"""Seconds to wait after the kernel refused the rules: doubled each time."""
CALM = 0.3
"""Seconds after a foreign change before the rules are checked: whoever rewrites a firewall does it in several steps."""
SAFETY = 300.0
"""Seconds between checks that nobody asked for (the only ones under iptables-legacy)."""

log = logger("network.proxy")


@dataclass(slots=True)
class Known:
    """What has been heard of one Service."""

    service: Service | None = None
    slices: dict[str, EndpointSlice] = field(default_factory=dict)
    rules: tuple[PortRule, ...] = ()


class ServiceProxy:
    """``start``, then ``without`` and ``applied`` while it runs; ``stop`` leaves the rules in place for the Pods that
    outlive the daemon, ``teardown`` removes them."""

    def __init__(self, client: Client, settings: NetworkSettings, *, writer: RuleWriter | None = None) -> None:
        """``settings`` as ``HostNetwork.prepare()`` returns them; ``writer``: another than iptables."""
        if not settings.node_address:
            raise ValueError("cannot make Service rules without node_address: call HostNetwork.prepare() first")
        self._client = client
        self._writer: RuleWriter = writer or IptablesWriter(settings)
        self._flows = UdpFlows(settings)
        self._local = frozenset({settings.dns_address})
        self._services: defaultdict[str, Known] = defaultdict(Known)
        self._dirty: set[str] = set()
        self._wanted = ServiceRules()
        self._applied: ServiceRules | None = None
        self._heard = 0
        """How many changes have arrived, and up to which of them the kernel has the rules."""
        self._done = -1
        self._suspect = False
        self._wake = asyncio.Event()
        self._changed = asyncio.Condition()
        self._thread = ThreadPoolExecutor(1, "rules")
        self._task: asyncio.Task[None] | None = None
        self._events = RuleEvents(self._foreign_change)
        self._check: asyncio.TimerHandle | None = None
        self._unsubscribers: list[Callable[[], None]] = []
        self.last_error = ""
        """Why the kernel does not have the wanted rules; empty when it does."""
        self.last_seconds = 0.0
        """How long the last write took."""

    def start(self) -> None:
        """Subscribe and begin; the first rules are in the kernel when ``applied`` returns."""
        if self._task is not None:
            return
        self._events.start()
        self._unsubscribers = [
            self._client.subscribe(Service, self._on_service),
            self._client.subscribe(EndpointSlice, self._on_slice),
        ]
        self._heard += 1
        self._wake.set()
        self._task = asyncio.create_task(self._run(), name="service-rules")

    async def stop(self) -> None:
        """Stop following changes; the rules stay."""
        if self._task is None:
            return
        for unsubscribe in self._unsubscribers:
            unsubscribe()
        self._events.stop()
        if self._check is not None:
            self._check.cancel()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        await asyncio.get_running_loop().run_in_executor(self._thread, lambda: None)  # a write under way ends first

    async def teardown(self) -> None:
        """Stop and remove every rule of nsorch, whoever made it. RulesError if the kernel refuses."""
        await self.stop()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.remove)
        self._applied = None

    async def applied(self, timeout: float | None = None) -> bool:
        """Wait until the kernel has the rules of every change heard so far; False if ``timeout`` (seconds) passed."""
        target = self._heard
        return await self._until(lambda: self._done >= target, timeout)

    async def without(self, address: str, timeout: float | None = None) -> bool:
        """Wait until no rule sends new connections to Pod ``address`` because it is ready; False if ``timeout``
        (seconds) passed first.

        Returns at once for a Pod behind no Service. A terminating Pod that is its Service's last hope still gets
        connections while it serves (KEP-1669): waiting would not help, so that counts as gone. Established
        connections are not touched."""
        target = self._heard

        def gone() -> bool:
            return self._done >= target and self._applied is not None and address not in self._applied.preferred

        return await self._until(gone, timeout)

    async def _until(self, true: Callable[[], bool], timeout: float | None) -> bool:
        try:
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(true)
        except TimeoutError:
            return False
        return True

    # Hearing

    def _on_service(self, change: Change[Service]) -> None:
        key = change.object.key
        self._services[key].service = None if change.type == "DELETED" else change.object
        self._mark(key)

    def _on_slice(self, change: Change[EndpointSlice]) -> None:
        name = change.object.name
        key = service_of(change.object)
        former = service_of(change.previous) if change.previous is not None else None
        if former is not None and former != key:
            self._services[former].slices.pop(name, None)
            self._mark(former)
        if key is None:
            return
        if change.type == "DELETED":
            self._services[key].slices.pop(name, None)
        else:
            self._services[key].slices[name] = change.object
        self._mark(key)

    def _mark(self, key: str) -> None:
        self._dirty.add(key)
        self._heard += 1
        self._wake.set()

    def _foreign_change(self, pid: int, program: str) -> None:
        if pid in self._writer.pids or self._check is not None or self._task is None:
            return
        log.debug("%s changed the packet filter: checking the Service rules", program or "somebody")
        self._check = asyncio.get_running_loop().call_later(CALM, self._suspect_now)

    def _suspect_now(self) -> None:
        self._check = None
        self._suspect = True
        self._wake.set()

    # Writing

    async def _run(self) -> None:
        delay = RETRY_FIRST
        while True:
            try:
                await asyncio.wait_for(self._wake.wait(), SAFETY)
            except TimeoutError:
                self._suspect = True
            self._wake.clear()
            await asyncio.sleep(0)  # what happens in the same turn of the loop goes out together
            try:
                await self._write()
                delay = RETRY_FIRST
            except (RulesError, OSError) as error:
                if str(error) != self.last_error:
                    log.error("%s; trying again", error)
                self.last_error = str(error)
                self._wake.set()
                await asyncio.sleep(delay)
                delay = min(delay * 2, RETRY_LAST)

    async def _write(self) -> None:
        """Bring the kernel to what has been heard until now."""
        heard, suspect, self._suspect = self._heard, self._suspect, False
        self._compute()
        wanted, former = self._wanted, self._applied
        if suspect or wanted is not former or self.last_error:
            loop = asyncio.get_running_loop()
            started = time.monotonic()
            await loop.run_in_executor(self._thread, self._write_now, former, wanted, suspect)
            self.last_seconds = time.monotonic() - started
        if self.last_error:
            log.info("Service rules are in the kernel again")
            self.last_error = ""
        async with self._changed:
            self._applied, self._done = wanted, heard
            self._changed.notify_all()

    def _write_now(self, former: ServiceRules | None, wanted: ServiceRules, suspect: bool) -> None:
        """On the worker thread."""
        if suspect and former is not None and not self._writer.intact():
            log.warning("somebody removed or changed the Service rules: writing them again")
        self._writer.apply(wanted)
        try:
            self._flows.forget_stale(former, wanted)
        except OSError as error:
            log.warning("cannot forget stale UDP flows: %s", error)

    def _compute(self) -> None:
        """Recompute the dirty Services; rules that come out equal keep their identity."""
        dirty, self._dirty = self._dirty, set()
        ports = dict(self._wanted.ports)
        changed = False
        for key in dirty:
            known = self._services[key]
            former = {rule.key: rule for rule in known.rules}
            rules = port_rules(known.service, known.slices.values(), self._local) if known.service else ()
            known.rules = tuple(former[rule.key] if former.get(rule.key) == rule else rule for rule in rules)
            if len(rules) != len(former) or any(former.get(rule.key) is not rule for rule in known.rules):
                changed = True
                for name in former:
                    del ports[name]
                ports.update((rule.key, rule) for rule in known.rules)
            if known.service is None and not known.slices:
                del self._services[key]
        if changed:
            self._wanted = ServiceRules(MappingProxyType(ports))
