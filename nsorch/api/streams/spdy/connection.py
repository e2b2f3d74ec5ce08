"""A SPDY/3.1 connection on a link, the server's side: clients open streams, both sides send, each ends its half."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from nsorch.api.streams.links import Link
from nsorch.api.streams.spdy.frames import (
    CANCEL,
    INVALID_STREAM,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    Data,
    Decoder,
    Encoder,
    Frame,
    FrameError,
    GoAway,
    Headers,
    Ping,
    Reset,
    SynReply,
    SynStream,
)
from nsorch.kit.logs import logger

log = logger("api")

STREAM_LIMIT = 256 * 1024
"""Bytes that wait in one stream before the connection is held up."""
MAX_STREAMS = 2048
"""Streams that are open at once on one connection; more are refused."""


class Stream:
    """One stream. Reading and writing are independent; ``headers`` have lower-case names."""

    def __init__(self, connection: Connection, number: int, headers: Mapping[str, str], *, ended: bool) -> None:
        self.number = number
        self.headers = headers
        self.was_reset = False
        self._connection = connection
        self._pieces: list[bytes] = []
        self._size = 0
        self._ended = ended
        self._closed = False
        self._discarding = False
        self._changed = asyncio.Event()

    @property
    def open(self) -> bool:
        """Whether either side may still send."""
        return not (self.was_reset or (self._ended and self._closed))

    async def read(self) -> bytes:
        """The next bytes; b"" when the client has ended its half, has reset the stream or has gone."""
        while not self._pieces and not self._ended and not self.was_reset:
            self._changed.clear()
            await self._changed.wait()
        if self.was_reset or not self._pieces:
            return b""
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        self._changed.set()
        return data

    async def write(self, data: bytes) -> None:
        """Send; waits while the client does not read. ConnectionError if the stream or the client has gone."""
        if self.was_reset or self._closed:
            raise BrokenPipeError(f"stream {self.number} is closed")
        await self._connection.send(Data(self.number, data))

    async def close(self) -> None:
        """End this side's half. Nothing happens if it has ended already."""
        if self.was_reset or self._closed:
            return
        self._closed = True
        self._connection.settle(self)
        await self._connection.send(Data(self.number, b"", fin=True))

    async def reset(self, status: int = CANCEL) -> None:
        """End both halves at once. Nothing happens if they have ended already."""
        if not self.open:
            return
        self.end(reset=True)
        self._connection.settle(self)
        await self._connection.send(Reset(self.number, status))

    def discard(self) -> None:
        """Nobody will read it: what has come and what will come is dropped."""
        self._discarding = True
        self._pieces.clear()
        self._size = 0
        self._changed.set()

    async def feed(self, data: bytes) -> None:
        """Bytes from the client; waits while there are too many that nobody has read."""
        if self._discarding or self._ended or self.was_reset or not data:
            return
        self._pieces.append(data)
        self._size += len(data)
        self._changed.set()
        while self._size >= STREAM_LIMIT and not self.was_reset:
            self._changed.clear()
            await self._changed.wait()

    def end(self, *, reset: bool = False) -> None:
        """The client sends no more."""
        self._ended = True
        if reset:
            self.was_reset = True
            self._pieces.clear()
            self._size = 0
        self._changed.set()


class Connection:
    """``await run()`` until the client has gone; meanwhile ``accept`` gets each new stream and says whether it is
    taken."""

    def __init__(self, link: Link, accept: Callable[[Stream], bool]) -> None:
        self._link = link
        self._accept = accept
        self._encoder = Encoder()
        self._streams: dict[int, Stream] = {}
        self._last = 0

    async def run(self) -> None:
        """Read until the client has gone or does not speak SPDY; then every stream has ended."""
        decoder = Decoder()
        try:
            while data := await self._link.read():
                for frame in decoder.decode(data):
                    if isinstance(frame, GoAway):
                        continue  # it opens no more streams; those that are open go on
                    await self._handle(frame)
        except FrameError as error:
            log.info("a client's SPDY cannot be read: %s", error)
            await self.go_away(status=1)
        except ConnectionError:
            pass
        finally:
            for stream in self._streams.values():
                stream.end(reset=True)
            self._streams.clear()

    async def send(self, frame: Frame) -> None:
        """Encode and send at once, so that header blocks go out in the order in which they were compressed."""
        await self._link.write(self._encoder.encode(frame))

    async def go_away(self, status: int = 0) -> None:
        """Tell the client that this was all; it closes the connection when its streams have ended."""
        try:
            await self.send(GoAway(self._last, status))
        except ConnectionError:
            pass

    def settle(self, stream: Stream) -> None:
        """Forget a stream that has ended both ways."""
        if not stream.open:
            self._streams.pop(stream.number, None)

    async def _handle(self, frame: Frame) -> None:
        match frame:
            case Data():
                stream = self._streams.get(frame.stream)
                if stream is None:
                    if frame.stream > self._last:
                        await self.send(Reset(frame.stream, INVALID_STREAM))
                    return  # else it has ended here while the data was on its way
                await stream.feed(frame.data)
                self._end_of(stream, frame.fin)
            case SynStream():
                await self._open(frame)
            case Reset():
                if (stream := self._streams.pop(frame.stream, None)) is not None:
                    stream.end(reset=True)
            case Headers():
                if (stream := self._streams.get(frame.stream)) is not None:
                    self._end_of(stream, frame.fin)
            case Ping():
                if frame.number % 2:
                    await self.send(frame)

    async def _open(self, frame: SynStream) -> None:
        if frame.stream % 2 == 0 or frame.stream <= self._last:
            await self.send(Reset(frame.stream, PROTOCOL_ERROR))
            return
        self._last = frame.stream
        if len(self._streams) >= MAX_STREAMS:
            await self.send(Reset(frame.stream, REFUSED_STREAM))
            return
        stream = Stream(self, frame.stream, frame.headers, ended=frame.fin)
        self._streams[frame.stream] = stream
        # The reply goes out before anything that the stream's new owner sends.
        if self._accept(stream):
            await self.send(SynReply(frame.stream))
        else:
            await stream.reset(REFUSED_STREAM)

    def _end_of(self, stream: Stream, fin: bool) -> None:
        if fin:
            stream.end()
            self.settle(stream)
