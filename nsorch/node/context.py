"""What every Pod worker of one agent shares."""

from __future__ import annotations

from dataclasses import dataclass, field

import aiohttp

from nsorch.kit.clock import Clock, SystemClock
from nsorch.kit.paths import Paths
from nsorch.node.ports import Addresses, Images, Proxy, TokenSource
from nsorch.node.settings import NodeSettings
from nsorch.node.spawner import Spawner
from nsorch.resources.client import Client


@dataclass(slots=True, kw_only=True)
class NodeContext:
    """Built once by the agent."""

    client: Client
    images: Images
    addresses: Addresses
    proxy: Proxy
    paths: Paths
    settings: NodeSettings
    spawner: Spawner
    session: aiohttp.ClientSession
    boot_id: str
    tokens: TokenSource | None = None
    clock: Clock = field(default_factory=SystemClock)
