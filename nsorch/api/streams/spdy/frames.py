"""Frames of SPDY/3.1: values, and their bytes.

A frame is eight bytes of head (control bit and either version and type or stream id; flags; 24-bit length), then
its payload. Source: SPDY/3.1 draft, section 2.2 "Framing".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nsorch.api.streams.spdy.headers import Compressor, Decompressor, HeaderError

VERSION = 3
SYN_STREAM, SYN_REPLY, RST_STREAM, SETTINGS, PING, GOAWAY, HEADERS, WINDOW_UPDATE = 1, 2, 3, 4, 6, 7, 8, 9
FIN, UNIDIRECTIONAL = 0x01, 0x02
PROTOCOL_ERROR, INVALID_STREAM, REFUSED_STREAM, CANCEL = 1, 2, 3, 5

MAX_CONTROL = 64 * 1024
"""Bytes of a control frame's payload; data frames are handed on in pieces and may have any length."""

_HEAD = struct.Struct("!II")
_WORD = struct.Struct("!I")
_TWO_WORDS = struct.Struct("!II")
_SYN = struct.Struct("!IIBB")
_ID = 0x7FFFFFFF


class FrameError(ValueError):
    """The other side does not speak SPDY/3.1: the connection is of no use any more."""


@dataclass(frozen=True, slots=True)
class SynStream:
    """A new stream. ``priority`` 0 is the highest, 7 the lowest."""

    stream: int
    headers: Mapping[str, str] = field(default_factory=dict)
    fin: bool = False
    unidirectional: bool = False
    associated: int = 0
    priority: int = 0


@dataclass(frozen=True, slots=True)
class SynReply:
    """The other side accepts a stream."""

    stream: int
    headers: Mapping[str, str] = field(default_factory=dict)
    fin: bool = False


@dataclass(frozen=True, slots=True)
class Headers:
    """More headers of a stream."""

    stream: int
    headers: Mapping[str, str] = field(default_factory=dict)
    fin: bool = False


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of a stream; ``fin``: the last ones. The reader may cut one frame into several."""

    stream: int
    data: bytes
    fin: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """A stream has ended at once, both ways."""

    stream: int
    status: int = CANCEL


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the connection: (id, value) pairs. None of them matters here."""

    values: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Ping:
    """To be sent back as it is. Clients use odd numbers."""

    number: int


@dataclass(frozen=True, slots=True)
class GoAway:
    """No new streams; ``last`` is the last one that was accepted."""

    last: int
    status: int = 0


@dataclass(frozen=True, slots=True)
class WindowUpdate:
    """More bytes may be sent on a stream."""

    stream: int
    delta: int


Frame = SynStream | SynReply | Headers | Data | Reset | Settings | Ping | GoAway | WindowUpdate


class Encoder:
    """Values to bytes; in the order in which they are sent, for headers are compressed over all frames."""

    def __init__(self) -> None:
        self._compressor = Compressor()

    def encode(self, frame: Frame) -> bytes:
        """The bytes of a frame."""
        match frame:
            case Data():
                head = _HEAD.pack(frame.stream & _ID, (FIN << 24 if frame.fin else 0) | len(frame.data))
                return head + frame.data
            case SynStream():
                flags = (FIN if frame.fin else 0) | (UNIDIRECTIONAL if frame.unidirectional else 0)
                fixed = _SYN.pack(frame.stream, frame.associated, frame.priority << 5, 0)
                return _control(SYN_STREAM, fixed + self._compressor.compress(frame.headers), flags)
            case SynReply() | Headers():
                kind = SYN_REPLY if isinstance(frame, SynReply) else HEADERS
                payload = _WORD.pack(frame.stream) + self._compressor.compress(frame.headers)
                return _control(kind, payload, FIN if frame.fin else 0)
            case Reset():
                return _control(RST_STREAM, _TWO_WORDS.pack(frame.stream, frame.status))
            case Settings():
                pairs = b"".join(_TWO_WORDS.pack(number, value) for number, value in frame.values)
                return _control(SETTINGS, _WORD.pack(len(frame.values)) + pairs)
            case Ping():
                return _control(PING, _WORD.pack(frame.number))
            case GoAway():
                return _control(GOAWAY, _TWO_WORDS.pack(frame.last, frame.status))
            case WindowUpdate():
                return _control(WINDOW_UPDATE, _TWO_WORDS.pack(frame.stream, frame.delta))


def _control(kind: int, payload: bytes, flags: int = 0) -> bytes:
    return _HEAD.pack(0x80000000 | VERSION << 16 | kind, flags << 24 | len(payload)) + payload


class Decoder:
    """Bytes to values, however the bytes are cut."""

    def __init__(self) -> None:
        self._decompressor = Decompressor()
        self._buffer = bytearray()
        # Of the data frame that is being read: its stream, the bytes still to come, and whether it is the last.
        self._stream = 0
        self._left = 0
        self._fin = False

    def decode(self, data: bytes) -> Iterator[Frame]:
        """Every frame, and every piece of a data frame, that is complete now. FrameError if it is not SPDY."""
        buffer = self._buffer
        buffer += data
        position = 0
        try:
            while True:
                if self._stream:
                    piece = bytes(buffer[position : position + self._left])
                    if not piece and self._left:
                        return
                    position += len(piece)
                    self._left -= len(piece)
                    stream, self._stream = self._stream, self._stream if self._left else 0
                    yield Data(stream, piece, fin=self._fin and not self._left)
                    continue
                if position + 8 > len(buffer):
                    return
                first, second = _HEAD.unpack_from(buffer, position)
                flags, length = second >> 24, second & 0xFFFFFF
                if not first & 0x80000000:
                    if not first:
                        raise FrameError("data for stream 0")
                    self._stream, self._left, self._fin = first, length, bool(flags & FIN)
                    position += 8
                    continue
                if length > MAX_CONTROL:
                    raise FrameError(f"control frame of {length} bytes; at most {MAX_CONTROL} are taken")
                if position + 8 + length > len(buffer):
                    return
                payload = bytes(buffer[position + 8 : position + 8 + length])
                position += 8 + length
                frame = self._parse(first, flags, payload)
                if frame is not None:
                    yield frame
        finally:
            del buffer[:position]

    def _parse(self, first: int, flags: int, payload: bytes) -> Frame | None:
        version, kind = first >> 16 & 0x7FFF, first & 0xFFFF
        if version != VERSION:
            raise FrameError(f"SPDY version {version}; only {VERSION} is spoken")
        fin = bool(flags & FIN)
        try:
            match kind:
                case 1:
                    stream, associated, priority, _ = _SYN.unpack_from(payload)
                    headers = self._decompressor.decompress(payload[_SYN.size :])
                    one_way = bool(flags & UNIDIRECTIONAL)
                    return SynStream(_known(stream), headers, fin, one_way, associated & _ID, priority >> 5)
                case 2 | 8:
                    (stream,) = _WORD.unpack_from(payload)
                    headers = self._decompressor.decompress(payload[4:])
                    return (SynReply if kind == SYN_REPLY else Headers)(_known(stream), headers, fin)
                case 3:
                    stream, status = _TWO_WORDS.unpack(payload)
                    return Reset(_known(stream), status)
                case 4:
                    (count,) = _WORD.unpack_from(payload)
                    if len(payload) != 4 + 8 * count:
                        raise FrameError("settings are longer or shorter than they say")
                    return Settings(tuple(_TWO_WORDS.iter_unpack(payload[4:])))
                case 6:
                    return Ping(*_WORD.unpack(payload))
                case 7:
                    last, status = _TWO_WORDS.unpack(payload)
                    return GoAway(last & _ID, status)
                case 9:
                    stream, delta = _TWO_WORDS.unpack(payload)
                    return WindowUpdate(stream & _ID, delta & _ID)
        except struct.error as error:
            raise FrameError(f"control frame of type {kind} is malformed: {error}") from error
        except HeaderError as error:
            raise FrameError(str(error)) from error
        return None  # the draft: control frames of unknown types are ignored


def _known(stream: int) -> int:
    if not stream & _ID:
        raise FrameError("stream 0 does not exist")
    return stream & _ID
