"""The certificate work behind ``Pki``, as a program of its own: one request on stdin, one answer on stdout (JSON).

Everything is made at the first start and renewed well before it expires. The authority keeps its key when its own
certificate is renewed, so that what it signed stays valid. Keys are ECDSA P-256: small and quick to make.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nsorch.api.access.pki import ACCOUNT_KEY, Pair, PkiError, Request
from nsorch.kit.files import write_atomic

T = TypeVar("T")

DAY = 86400.0
CA_DAYS = 3650
LEAF_DAYS = 365
CA_RENEW_DAYS = 730
"""The authority's certificate is renewed when less than this is left: more than any leaf that it signs then lives."""
LEAF_RENEW_DAYS = 120
BACKDATE = 300.0
"""Seconds by which certificates are valid before they were made, for clients whose clock is late."""


class Certificates:
    """What one request asks for."""

    def __init__(self, request: Request) -> None:
        self._folder = Path(request["folder"])
        self._now = request["now"]
        self._names = request["names"]
        self._addresses = request["addresses"]
        self.ca = Pair.of(self._folder, "ca")
        self.server = Pair.of(self._folder, "server")
        self.admin = Pair.of(self._folder, "admin")
        self.made: list[str] = []
        """What was made or renewed, in words for the log."""

    def ensure(self) -> None:
        """Make or renew what needs it. PkiError says which file is in the way."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            self._ensure_ca()
            for pair, subject, usage in (
                (self.server, _name("kube-apiserver"), ExtendedKeyUsageOID.SERVER_AUTH),
                (self.admin, _name("kubernetes-admin", "system:masters"), ExtendedKeyUsageOID.CLIENT_AUTH),
            ):
                self._ensure_leaf(pair, subject, usage)
            if not (self._folder / ACCOUNT_KEY).exists():
                write_atomic(self._folder / ACCOUNT_KEY, _pem(ec.generate_private_key(ec.SECP256R1())), durable=True)
                self.made.append("made the key that signs tokens of ServiceAccounts")
        except OSError as error:
            raise PkiError(f"cannot write certificates in {self._folder}: {error.strerror or error}") from error

    def renew_in(self) -> float:
        """Seconds until ``ensure`` will have something to do."""
        return max(
            0.0,
            min(
                _left(self._read(self.ca), self._now) - CA_RENEW_DAYS * DAY,
                *(_left(self._read(p), self._now) - LEAF_RENEW_DAYS * DAY for p in (self.server, self.admin)),
            ),
        )

    def _ensure_ca(self) -> None:
        key: ec.EllipticCurvePrivateKey | None = None
        if self.ca.certificate.exists():
            if _left(self._read(self.ca), self._now) > CA_RENEW_DAYS * DAY:
                return
            key = self._read_key(self.ca)
        new = key is None
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = _name("nsorch-ca")
        builder = self._builder(subject, subject, key, CA_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        self._write(self.ca, builder.sign(key, hashes.SHA256()), key)
        self.made.append(f"{'made' if new else 'renewed'} the certificate authority")

    def _ensure_leaf(self, pair: Pair, subject: x509.Name, usage: x509.ObjectIdentifier) -> None:
        ca, ca_key = self._read(self.ca), self._read_key(self.ca)
        alternative = self._alternative() if pair == self.server else None
        if pair.certificate.exists() and pair.key.exists() and self._good(pair, ca, alternative):
            return
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(subject, ca.subject, key, LEAF_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        if alternative is not None:
            builder = builder.add_extension(alternative, critical=False)
        self._write(pair, builder.sign(ca_key, hashes.SHA256()), key)
        self.made.append(f"made the certificate {pair.certificate.name}")

    def _good(self, pair: Pair, ca: x509.Certificate, alternative: x509.SubjectAlternativeName | None) -> bool:
        certificate = self._read(pair)
        if _left(certificate, self._now) <= LEAF_RENEW_DAYS * DAY:
            return False
        try:
            certificate.verify_directly_issued_by(ca)
        except Exception:  # whatever is wrong with it (another issuer, another key), a new one is right
            return False
        if alternative is None:
            return True
        has = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return set(alternative) <= set(has)

    def _alternative(self) -> x509.SubjectAlternativeName:
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in self._names]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in self._addresses]
        return x509.SubjectAlternativeName(names)

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
    ) -> x509.CertificateBuilder:
        now = dt.datetime.fromtimestamp(self._now, dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(seconds=BACKDATE))
            .not_valid_after(now + dt.timedelta(days=days))
        )

    def _write(self, pair: Pair, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        write_atomic(pair.key, _pem(key), durable=True)
        write_atomic(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM), durable=True)

    def _read(self, pair: Pair) -> x509.Certificate:
        return _load(pair.certificate, x509.load_pem_x509_certificate)

    def _read_key(self, pair: Pair) -> ec.EllipticCurvePrivateKey:
        key = _load(pair.key, lambda data: serialization.load_pem_private_key(data, None))
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise PkiError(f"cannot use {pair.key}: it is no ECDSA key; remove the folder to make all anew")
        return key


def _load(path: Path, parse: Callable[[bytes], T]) -> T:
    try:
        return parse(path.read_bytes())
    except (OSError, ValueError) as error:
        raise PkiError(f"cannot read {path}: {error}; remove its folder to make all certificates anew") from None


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _name(common: str, organisation: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)] if organisation else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _left(certificate: x509.Certificate, now: float) -> float:
    return certificate.not_valid_after_utc.timestamp() - now


def main() -> int:
    """Answers ``{"made": [...], "renew_in": seconds}`` or ``{"error": "cannot ...: why"}``."""
    work = Certificates(json.load(sys.stdin))
    try:
        work.ensure()
        answer: dict[str, Any] = {"made": work.made, "renew_in": work.renew_in()}
    except PkiError as error:
        answer = {"error": str(error)}
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
