"""Header blocks: names and values, compressed over the whole life of a connection with a dictionary both sides know.

Source: SPDY/3.1 draft, section 2.6.10 "Name/Value Header Block".
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

MAX_BLOCK = 64 * 1024
"""Bytes of one header block after decompression."""
MAX_HEADERS = 128

_LENGTH = struct.Struct("!I")

_WORDS = (
    "options",
    "head",
    "post",
    "put",
    "delete",
    "trace",
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "connection",
    "content-base",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expect",
    "expires",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "location",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "referer",
    "retry-after",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "method",
    "get",
    "status",
    "200 OK",
    "version",
    "HTTP/1.1",
    "url",
    "public",
    "set-cookie",
    "keep-alive",
    "origin",
)
"""Each with its length before it, as names and values are in a block."""

_TEXT = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Author"
    "itative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 No"
    "t Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Au"
    "g Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,"
    "image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,def"
    "late,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)

DICTIONARY = b"".join(_LENGTH.pack(len(word)) + word.encode() for word in _WORDS) + _TEXT.encode()
"""What both sides' zlib starts with; its Adler-32 is 0xe3c6a7c2."""


class HeaderError(ValueError):
    """A block that cannot be read. What follows on the connection cannot be read either."""


class Compressor:
    """Writes header blocks."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zdict=DICTIONARY)

    def compress(self, headers: Mapping[str, str]) -> bytes:
        """One block; names become lower case."""
        parts = [_LENGTH.pack(len(headers))]
        for name, value in headers.items():
            for text in (name.lower().encode(), value.encode()):
                parts += (_LENGTH.pack(len(text)), text)
        return self._zlib.compress(b"".join(parts)) + self._zlib.flush(zlib.Z_SYNC_FLUSH)


class Decompressor:
    """Reads header blocks."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(zdict=DICTIONARY)

    def decompress(self, block: bytes) -> dict[str, str]:
        """Lower-case names and their values (several of one name are joined by NUL). HeaderError if malformed."""
        try:
            data = self._zlib.decompress(block, MAX_BLOCK)
        except zlib.error as error:
            raise HeaderError(f"cannot decompress a header block: {error}") from error
        if self._zlib.unconsumed_tail or self._zlib.eof:
            raise HeaderError(f"header block of over {MAX_BLOCK} bytes" if not self._zlib.eof else "headers have ended")
        return _parse(data)


def _parse(data: bytes) -> dict[str, str]:
    position = 0

    def number() -> int:
        nonlocal position
        if position + 4 > len(data):
            raise HeaderError("header block ends early")
        (value,) = _LENGTH.unpack_from(data, position)
        position += 4
        return int(value)

    def text() -> str:
        nonlocal position
        length = number()
        if position + length > len(data):
            raise HeaderError("header block ends early")
        position += length
        try:
            return data[position - length : position].decode()
        except UnicodeDecodeError as error:
            raise HeaderError(f"header is not UTF-8: {error}") from error

    count = number()
    if count > MAX_HEADERS:
        raise HeaderError(f"{count} headers; at most {MAX_HEADERS} are taken")
    headers: dict[str, str] = {}
    for _ in range(count):
        name = text().lower()
        if not name or name in headers:
            raise HeaderError(f"header name {name!r} is empty or repeated")
        headers[name] = text()
    if position != len(data):
        raise HeaderError("header block is longer than its headers")
    return headers
