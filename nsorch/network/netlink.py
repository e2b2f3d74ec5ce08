"""Reading netlink messages by hand (linux/netlink.h): three places need so little that pyroute2 would be a burden."""

from __future__ import annotations

import struct
from collections.abc import Iterator

NETLINK_NETFILTER = 12
"""Protocol number; the socket module knows only NETLINK_ROUTE."""
HEADER = 16
ATTRIBUTE_TYPE = 0x3FFF
"""The two bits above are flags (nested, network byte order)."""


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and payload of each message in a packet."""
    offset = 0
    while offset + HEADER <= len(data):
        length, kind = struct.unpack_from("=IH", data, offset)
        if length < HEADER:
            return
        yield kind, data[offset + HEADER : offset + length]
        offset += (length + 3) & ~3


def attributes(data: bytes) -> dict[int, bytes]:
    """Attributes by type; of repeated ones the last."""
    found: dict[int, bytes] = {}
    offset = 0
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        if length < 4:
            break
        found[kind & ATTRIBUTE_TYPE] = data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found
