"""gRPC health probes: one ``grpc.health.v1.Health/Check`` call over plain HTTP/2, written by hand.

Only what this one call needs: the preface, empty SETTINGS, one HEADERS frame without compression (RFC 7541 6.2.2),
one DATA frame; of the answer only the DATA frame matters, its message says ``status: 1`` (SERVING).
"""

from __future__ import annotations

import asyncio
import struct

from nsorch.node.probes.http import Outcome

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
STATES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
MAX_FRAME = 1 << 16


async def probe_grpc(host: str, port: int, service: str, timeout: float) -> Outcome:
    """SERVING passes."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(host, port)
            status = await _check(reader, writer, f"{host}:{port}", service)
    except TimeoutError:
        return Outcome(False, f'timeout: failed to connect service "{host}:{port}" within {timeout:g}s')
    except (OSError, asyncio.IncompleteReadError, ValueError) as error:
        return Outcome(False, f'error: failed to connect service at "{host}:{port}": {error}')
    finally:
        if writer is not None:
            writer.close()
    if status == 1:
        return Outcome(True)
    return Outcome(False, f'service unhealthy (responded with "{STATES.get(status, status)}")')


async def _check(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: str, service: str) -> int:
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    fields = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/grpc.health.v1.Health/Check"),
        (b":authority", authority.encode()),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
        (b"user-agent", b"kube-probe/1.33"),
    ]
    block = b"".join(b"\x00" + _text(key) + _text(value) for key, value in fields)
    body = b"\x00" + struct.pack(">I", len(message)) + message
    writer.write(
        PREFACE
        + _frame(SETTINGS, 0, 0, b"")
        + _frame(HEADERS, END_HEADERS, 1, block)
        + _frame(DATA, END_STREAM, 1, body)
    )
    answer = b""
    while True:
        head = await reader.readexactly(9)
        length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        if length > MAX_FRAME:
            raise ValueError("the answer is not gRPC")
        payload = await reader.readexactly(length)
        if kind == SETTINGS and not flags & ACK:
            writer.write(_frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            writer.write(_frame(PING, ACK, 0, payload))
        elif kind == DATA:
            answer += payload[1 : len(payload) - payload[0]] if flags & PADDED else payload
            if len(answer) >= 5 and len(answer) >= 5 + int.from_bytes(answer[1:5], "big"):
                return _status(answer[5 : 5 + int.from_bytes(answer[1:5], "big")])
        elif kind in (RST_STREAM, GOAWAY) or (kind == HEADERS and flags & END_STREAM):
            raise ValueError(f'the health service does not know "{service}" or is not there')


def _status(message: bytes) -> int:
    return message[1] if len(message) >= 2 and message[0] == 0x08 else 0


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def _text(value: bytes) -> bytes:
    """An HPACK string literal, not Huffman coded; lengths here fit one or two octets (RFC 7541 5.1)."""
    if len(value) < 127:
        return bytes((len(value),)) + value
    return b"\x7f" + _varint(len(value) - 127) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
