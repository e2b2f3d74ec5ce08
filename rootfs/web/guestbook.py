"""The web part of the guestbook demo: JSON over HTTP, a counter and messages in redis. Standard library only.

    GET  /           {"pod": ..., "version": ..., "greeting": ..., "hits": N}
    GET  /messages   the last messages
    POST /messages   add the body as a message
    GET  /healthz    alive
    GET  /readyz     ready: redis answers
    GET  /slow?seconds=N   answers after N seconds (at most 30): to see that a rolling update waits for it

Environment: PORT (8080), REDIS (redis:6379), VERSION, GREETING, POD_NAME. After SIGTERM it goes on answering until no new
connection has come for half a second, finishes what it has begun, and ends with status 0.
"""

import asyncio
import json
import os
import signal
import socket
from urllib.parse import parse_qs, urlsplit

QUIET_SECONDS = 0.5
DRAIN_SECONDS = 5.0
REDIS_SECONDS = 2.0
MAX_BODY = 16 * 1024
MAX_MESSAGES = 20


class Redis:
    """One connection, opened when needed; commands take turns. ``OSError`` or ``ValueError`` if redis cannot answer."""

    def __init__(self, address):
        self.host, _, port = address.partition(":")
        self.port = int(port or 6379)
        self.turn = asyncio.Lock()
        self.streams = None

    async def command(self, *words):
        async with self.turn:
            try:
                return await asyncio.wait_for(self._command(words), REDIS_SECONDS)
            except BaseException as error:
                self.close()
                if isinstance(error, asyncio.TimeoutError):
                    raise OSError("redis does not answer") from error
                raise

    def close(self):
        if self.streams:
            self.streams[1].close()
            self.streams = None

    async def _command(self, words):
        if self.streams and self.streams[0].at_eof():
            self.close()
        if not self.streams:
            self.streams = await asyncio.open_connection(self.host, self.port)
        raw = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self.streams[1].write(b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in raw))
        return await self._answer()

    async def _answer(self):
        """One value of the RESP protocol."""
        reader = self.streams[0]
        line = (await reader.readuntil(b"\r\n"))[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b":":
            return int(rest)
        if kind == b"+":
            return rest.decode()
        if kind == b"$":
            return None if rest == b"-1" else (await reader.readexactly(int(rest) + 2))[:-2]
        if kind == b"*":
            return [await self._answer() for _ in range(int(rest))]
        raise ValueError(f"redis says: {rest.decode(errors='replace')}")


class Guestbook:
    def __init__(self, environment):
        self.pod = environment.get("POD_NAME") or socket.gethostname()
        self.version = environment.get("VERSION", "v1")
        self.greeting = environment.get("GREETING", "Hello")
        self.redis = Redis(environment.get("REDIS", "redis:6379"))

    async def answer(self, method, target, body):
        """(status, JSON-like data) of one request."""
        url = urlsplit(target)
        try:
            if url.path == "/healthz":
                return 200, {"status": "ok"}
            if url.path == "/readyz":
                return 200, {"redis": await self.redis.command("PING")}
            if url.path == "/messages" and method == "POST":
                await self.redis.command("LPUSH", "messages", body)
                await self.redis.command("LTRIM", "messages", 0, MAX_MESSAGES - 1)
                return 201, {"pod": self.pod, "added": body.decode(errors="replace")}
            if url.path == "/messages":
                messages = await self.redis.command("LRANGE", "messages", 0, MAX_MESSAGES - 1)
                return 200, {"pod": self.pod, "messages": [text.decode(errors="replace") for text in messages]}
            if url.path == "/slow":
                await asyncio.sleep(min(float(parse_qs(url.query).get("seconds", ["1"])[0]), 30.0))
                return 200, {"pod": self.pod, "version": self.version}
            if url.path == "/":
                hits = await self.redis.command("INCR", "hits")
                return 200, {"pod": self.pod, "version": self.version, "greeting": self.greeting, "hits": hits}
        except (OSError, asyncio.IncompleteReadError) as error:
            return 503, {"pod": self.pod, "error": f"cannot reach redis: {error}"}
        except ValueError as error:
            return 400, {"pod": self.pod, "error": str(error)}
        return 404, {"pod": self.pod, "error": f"no such page: {url.path}"}


class Server:
    """HTTP/1.1 with keep-alive, as little as the demo needs."""

    def __init__(self, book):
        self.book = book
        self.connections = set()
        self.busy = set()
        self.draining = False
        self.last_accept = 0.0

    async def connection(self, reader, writer):
        task = asyncio.current_task()
        self.connections.add(task)
        self.last_accept = asyncio.get_running_loop().time()
        try:
            while await self.request(reader, writer, task) and not self.draining:
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # the client went away or does not speak HTTP
        finally:
            self.connections.discard(task)
            writer.close()

    async def request(self, reader, writer, task):
        """Serve one request; whether the connection stays."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        self.busy.add(task)
        try:
            method, target, protocol = head[0].split(" ")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            length = int(headers.get("content-length", "0"))
            if not 0 <= length <= MAX_BODY:
                raise ValueError(f"body of {length} bytes")
            status, data = await self.book.answer(method, target, await reader.readexactly(length))
            wish = headers.get("connection", "keep-alive" if protocol == "HTTP/1.1" else "close").lower()
            keep = wish == "keep-alive" and not self.draining
            body = json.dumps(data).encode() + b"\n"
            writer.write(
                f"HTTP/1.1 {status} {'OK' if status < 400 else 'Error'}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nConnection: {'keep-alive' if keep else 'close'}\r\n\r\n".encode()
                + (b"" if method == "HEAD" else body)
            )
            await writer.drain()
            return keep
        finally:
            self.busy.discard(task)

    async def drain(self, listener):
        """Answer what is already on its way, then stop."""
        loop = asyncio.get_running_loop()
        self.draining = True
        begun = self.last_accept = loop.time()
        # a moment that every new connection puts off
        while (left := min(self.last_accept + QUIET_SECONDS, begun + DRAIN_SECONDS) - loop.time()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(left)
        listener.close()
        for task in self.connections - self.busy:
            task.cancel()  # kept alive, but asks nothing
        while self.busy:
            await asyncio.wait(set(self.busy))


async def main():
    book = Guestbook(os.environ)
    server = Server(book)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    port = int(os.environ.get("PORT", "8080"))
    listener = await asyncio.start_server(server.connection, "0.0.0.0", port, backlog=1024)
    print(f"{book.pod}: version {book.version} listens on port {port}")
    await stop.wait()
    print(f"{book.pod}: stops when all requests are answered")
    await server.drain(listener)
    print(f"{book.pod}: done")


if __name__ == "__main__":
    asyncio.run(main())
