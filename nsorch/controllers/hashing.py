"""The hash in ``DEPLOYMENT-HASH`` names: stable over restarts and versions, free of vowels so that no word appears."""

from __future__ import annotations

import json
from typing import Any

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""The alphabet of kubernetes ``k8s.io/apimachinery/pkg/util/rand``."""


def fnv32a(data: bytes) -> int:
    """FNV-1a, 32 bits. http://www.isthe.com/chongo/tech/comp/fnv/

    >>> hex(fnv32a(b"foobar"))
    '0xbf9cf968'
    """
    value = 0x811C9DC5
    for byte in data:
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def safe_encode(text: str) -> str:
    """Every character replaced by one of the safe alphabet.

    >>> safe_encode("3054")
    '7498'
    """
    return "".join(_ALPHABET[ord(character) % len(_ALPHABET)] for character in text)


def canonical(document: Any) -> bytes:
    """JSON bytes that do not depend on the order of keys."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def hash_of(document: Any, collisions: int | None = None) -> str:
    """Hash of a JSON document; ``collisions`` is a salt that makes another one after a clash of names."""
    salt = b"" if collisions is None else collisions.to_bytes(8, "little", signed=False)
    return safe_encode(str(fnv32a(canonical(document) + salt)))
