"""How long one endpoint change takes until the kernel has it, with few and with many Services.

``sudo python -m bench.service_rules [SERVICES...]``: makes its own network namespace, three endpoints per Service, and
prints the median, 90th percentile and worst of 50 changes from the event to ``applied``, with the time for the first
complete write and for one more Service.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from nsorch.network.host import HostNetwork
from nsorch.network.proxy import ServiceProxy
from nsorch.network.settings import NetworkSettings
from tests.support.netns import NetworkNamespace
from tests.support.pods import MemoryObjects, run_inside
from tests.support.service_objects import endpoint_slice, service

CHANGES = 50


async def measure(count: int) -> str:
    objects = MemoryObjects()
    for number in range(count):
        name = f"service-{number}"
        objects.put(service(name, f"10.96.{number * 37 % 251 + 1}.{number // 250 + 1}"))
        objects.put(endpoint_slice([f"10.244.{number % 250}.{last}" for last in (1, 2, 3)], of=name))
    with tempfile.TemporaryDirectory() as folder:
        network = HostNetwork(NetworkSettings(), Path(folder) / "network.json")
        proxy = ServiceProxy(objects, await network.prepare())  # type: ignore[arg-type]

        async def timed(change: Callable[[], None]) -> float:
            started = time.perf_counter()
            change()
            if not await proxy.applied(120):
                raise TimeoutError(proxy.last_error)
            return (time.perf_counter() - started) * 1000

        first = await timed(proxy.start)
        swaps = []
        for turn in range(CHANGES):
            lasts = (1, 2, 4) if turn % 2 else (1, 2, 3)
            changed = endpoint_slice([f"10.244.0.{last}" for last in lasts], of="service-0")
            swaps.append(await timed(lambda changed=changed: objects.put(changed)))  # type: ignore[misc]
        added = []
        for turn in range(10):
            objects.put(endpoint_slice(["10.244.0.9"], of=f"new-{turn}"))
            new = service(f"new-{turn}", f"10.96.200.{turn + 1}")
            added.append(await timed(lambda new=new: objects.put(new)))  # type: ignore[misc]
        await proxy.teardown()
        await network.teardown()
    swaps.sort()
    return (
        f"{count:5d} Services: first write {first:7.1f} ms; endpoint change median {statistics.median(swaps):5.1f}, "
        f"p90 {swaps[len(swaps) * 9 // 10]:5.1f}, worst {swaps[-1]:5.1f} ms; new Service {statistics.median(added):5.1f} ms"
    )


def main() -> None:
    for count in [int(word) for word in sys.argv[1:]] or [10, 500]:
        with NetworkNamespace() as host:
            print(run_inside(host, lambda count=count: measure(count)))  # type: ignore[misc]


if __name__ == "__main__":
    main()
