"""ECDSA signatures over P-256 with SHA-256, by the OpenSSL library that Python's own ``ssl`` has loaded already.

The package ``cryptography`` brings an OpenSSL of its own, 8 MiB of it for as long as the process lives; what is here
costs nothing at rest, and 30-100 us a signature. Where ``ssl`` is linked statically there is no library to call: then
``cryptography`` is loaded on first use after all.
"""

from __future__ import annotations

import base64
import ctypes
import functools
import ssl  # loads the library
from typing import Any, Protocol

SIZE = 32
"""Bytes of each half of a signature."""


class BadKey(ValueError):
    """A key that cannot be used."""


class Key(Protocol):
    """A private key. ``public`` is its public half as DER SubjectPublicKeyInfo."""

    public: bytes

    def sign(self, data: bytes) -> bytes:
        """The signature as JSON Web Signatures have it: r and s, 32 bytes each."""
        ...

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Whether the signature was made by this key."""
        ...


def load(pem: str) -> Key:
    """A PKCS#8 private key in PEM; BadKey if it is none over P-256."""
    body = "".join(line for line in pem.splitlines() if line and "-----" not in line)
    try:
        der = base64.b64decode(body, validate=True)
    except ValueError as error:
        raise BadKey(f"no PEM: {error}") from None
    library = _library()
    return _OpenSslKey(library, der) if library is not None else _PackageKey(pem)


@functools.cache
def _library() -> Any:
    """libcrypto as it is mapped into this process; None if there is none."""
    assert ssl.OPENSSL_VERSION
    with open("/proc/self/maps") as maps:
        paths = {line.split(maxsplit=5)[5].strip() for line in maps if "/libcrypto.so" in line}
    if not paths:
        return None
    library = ctypes.CDLL(min(paths))
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    for name, result, *arguments in (
        ("d2i_AutoPrivateKey", pointer, pointer, pointer, ctypes.c_long),
        ("i2d_PUBKEY", ctypes.c_int, pointer, pointer),
        ("EVP_sha256", pointer),
        ("EVP_MD_CTX_new", pointer),
        ("EVP_MD_CTX_free", None, pointer),
        ("EVP_PKEY_free", None, pointer),
        ("EVP_DigestSignInit", ctypes.c_int, pointer, pointer, pointer, pointer, pointer),
        ("EVP_DigestSign", ctypes.c_int, pointer, pointer, pointer, ctypes.c_char_p, size),
        ("EVP_DigestVerifyInit", ctypes.c_int, pointer, pointer, pointer, pointer, pointer),
        ("EVP_DigestVerify", ctypes.c_int, pointer, ctypes.c_char_p, size, ctypes.c_char_p, size),
        ("ERR_clear_error", None),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class _OpenSslKey:
    def __init__(self, library: Any, der: bytes) -> None:
        self._library = library
        buffer = ctypes.create_string_buffer(der, len(der))
        start = ctypes.c_void_p(ctypes.addressof(buffer))
        self._key = library.d2i_AutoPrivateKey(None, ctypes.byref(start), len(der))
        if not self._key:
            library.ERR_clear_error()
            raise BadKey("no private key")
        length = library.i2d_PUBKEY(self._key, None)
        out = ctypes.create_string_buffer(length)
        start = ctypes.c_void_p(ctypes.addressof(out))
        library.i2d_PUBKEY(self._key, ctypes.byref(start))
        self.public = out.raw[:length]
        _point(self.public)

    def sign(self, data: bytes) -> bytes:
        library = self._library
        context = library.EVP_MD_CTX_new()
        try:
            ok = library.EVP_DigestSignInit(context, None, library.EVP_sha256(), None, self._key)
            length = ctypes.c_size_t(128)
            out = ctypes.create_string_buffer(128)
            if ok != 1 or library.EVP_DigestSign(context, out, ctypes.byref(length), data, len(data)) != 1:
                library.ERR_clear_error()
                raise BadKey("cannot sign: OpenSSL refuses the key")
            return _to_raw(out.raw[: length.value])
        finally:
            library.EVP_MD_CTX_free(context)

    def verify(self, data: bytes, signature: bytes) -> bool:
        if len(signature) != 2 * SIZE:
            return False
        library, der = self._library, _to_der(signature)
        context = library.EVP_MD_CTX_new()
        try:
            ok = library.EVP_DigestVerifyInit(context, None, library.EVP_sha256(), None, self._key)
            good = ok == 1 and library.EVP_DigestVerify(context, der, len(der), data, len(data)) == 1
            if not good:
                library.ERR_clear_error()  # or the next TLS call of this thread would take it for its own
            return bool(good)
        finally:
            library.EVP_MD_CTX_free(context)


class _PackageKey:
    """The same, with the package ``cryptography``."""

    def __init__(self, pem: str) -> None:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = serialization.load_pem_private_key(pem.encode(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise BadKey("no ECDSA key")
        self._key = key
        self.public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        _point(self.public)

    def sign(self, data: bytes) -> bytes:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        return _to_raw(self._key.sign(data, ec.ECDSA(hashes.SHA256())))

    def verify(self, data: bytes, signature: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        if len(signature) != 2 * SIZE:
            return False
        try:
            self._key.public_key().verify(_to_der(signature), data, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


def coordinates(public: bytes) -> tuple[bytes, bytes]:
    """x and y of a public key's point."""
    point = _point(public)
    return point[:SIZE], point[SIZE:]


def _point(public: bytes) -> bytes:
    # SubjectPublicKeyInfo of a P-256 key ends with the uncompressed point: 04, x, y.
    if len(public) != 91 or public[26] != 4:
        raise BadKey("no key over P-256")
    return public[27:]


def _to_raw(der: bytes) -> bytes:
    """SEQUENCE of two INTEGERs -> r and s."""
    at, halves = 2, []
    for _ in range(2):
        length = der[at + 1]
        number = int.from_bytes(der[at + 2 : at + 2 + length], "big")
        halves.append(number.to_bytes(SIZE, "big"))
        at += 2 + length
    return b"".join(halves)


def _to_der(raw: bytes) -> bytes:
    body = b""
    for half in (raw[:SIZE], raw[SIZE:]):
        number = int.from_bytes(half, "big")
        data = number.to_bytes(number.bit_length() // 8 + 1, "big")
        body += b"\x02" + bytes([len(data)]) + data
    return b"\x30" + bytes([len(body)]) + body
