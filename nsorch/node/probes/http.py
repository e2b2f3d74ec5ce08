"""HTTP and TCP probes, as kubelet makes them: no connection is kept, certificates are not checked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
from yarl import URL

USER_AGENT = "kube-probe/1.33"
MAX_REDIRECTS = 10
MAX_BODY = 10 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """``passed`` and, when not, what the Unhealthy Event says."""

    passed: bool
    output: str = ""


def new_session() -> aiohttp.ClientSession:
    """One session for all probes of this node: a fresh connection each time, no cookies, no limits."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True, ssl=False)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)


async def probe_http(
    session: aiohttp.ClientSession, url: str, headers: Sequence[tuple[str, str]], timeout: float
) -> Outcome:
    """200-399 passes. Redirects are followed on the same host only; one to another host passes."""
    sent = aiohttp.hdrs.USER_AGENT, USER_AGENT
    fields = [sent, ("Accept", "*/*")] if not any(name.lower() == "accept" for name, _ in headers) else [sent]
    if any(name.lower() == "user-agent" for name, _ in headers):
        fields.remove(sent)
    fields += [(name, value) for name, value in headers if value or name.lower() != "accept"]
    target = URL(url, encoded=True)
    try:
        async with asyncio.timeout(timeout):
            for _ in range(MAX_REDIRECTS + 1):
                async with session.get(target, headers=fields, allow_redirects=False) as response:
                    await response.content.read(MAX_BODY)
                    if response.status in (301, 302, 303, 307, 308) and "Location" in response.headers:
                        following = target.join(URL(response.headers["Location"]))
                        if following.host != target.host:
                            return Outcome(True, "Probe terminated redirects")
                        target = following
                        continue
                    if 200 <= response.status < 400:
                        return Outcome(True)
                    return Outcome(False, f"HTTP probe failed with statuscode: {response.status}")
            return Outcome(False, f'Get "{target}": stopped after {MAX_REDIRECTS} redirects')
    except TimeoutError:
        return Outcome(
            False, f'Get "{target}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        )
    except aiohttp.ClientConnectorError as error:
        return Outcome(False, f'Get "{target}": dial tcp {target.host}:{target.port}: connect: {_why(error.os_error)}')
    except (aiohttp.ClientError, ValueError, OSError) as error:
        return Outcome(False, f'Get "{target}": {error or type(error).__name__}')


async def probe_tcp(host: str, port: int, timeout: float) -> Outcome:
    """A connection that opens passes."""
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Outcome(False, f"dial tcp {host}:{port}: i/o timeout")
    except OSError as error:
        return Outcome(False, f"dial tcp {host}:{port}: connect: {_why(error)}")
    writer.close()
    return Outcome(True)


def _why(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return (error.strerror or str(error)).lower()
