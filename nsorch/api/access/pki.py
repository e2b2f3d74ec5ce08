"""The cluster's own certificate authority, and the certificates it signs: the server's and the administrator's.

The work is done by ``nsorch.api.access.certificates`` as a program of its own: it is needed for a moment a year, and the
library it takes would cost the daemon 8 MiB for all its life.
"""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypedDict

from nsorch.api.settings import ApiSettings
from nsorch.kit.clock import Clock
from nsorch.kit.logs import logger

log = logger("pki")
ACCOUNT_KEY = "sa.key"
"""The file with the key that signs tokens of ServiceAccounts."""
PATIENCE = 60.0
"""Seconds the program may take."""


class PkiError(Exception):
    """A certificate or key cannot be made or read."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key on disk, in PEM."""

    certificate: Path
    key: Path

    @classmethod
    def of(cls, folder: Path, name: str) -> Self:
        return cls(folder / f"{name}.crt", folder / f"{name}.key")


class Request(TypedDict):
    """What the program is told: where, the time in seconds, and for which names and addresses the server answers."""

    folder: str
    now: float
    names: list[str]
    addresses: list[str]


class Pki:
    """Certificates in ``settings.pki`` (0700, files 0600). The constructor touches nothing; ``ensure`` does."""

    def __init__(self, settings: ApiSettings, clock: Clock) -> None:
        self._folder = settings.pki
        self._clock = clock
        self._names = _names(settings)
        self._addresses = _addresses(settings)
        self._due = 0.0
        self.ca = Pair.of(self._folder, "ca")
        self.server = Pair.of(self._folder, "server")
        self.admin = Pair.of(self._folder, "admin")
        self.account_key = self._folder / ACCOUNT_KEY

    def ensure(self) -> bool:
        """Make or renew what needs it; whether anything was written. PkiError says which file is in the way.

        Blocks for a fifth of a second, unless it is known that nothing is due."""
        if self._clock.time() < self._due and all(file.exists() for file in self._files()):
            return False
        request = Request(
            folder=str(self._folder), now=self._clock.time(), names=self._names, addresses=self._addresses
        )
        done = subprocess.run(
            [sys.executable, "-m", "nsorch.api.access.certificates"],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        if done.returncode != 0:
            said = done.stderr.strip().splitlines()
            raise PkiError(f"cannot make certificates: {said[-1] if said else f'status {done.returncode}'}")
        answer = json.loads(done.stdout)
        if "error" in answer:
            raise PkiError(answer["error"])
        self._due = self._clock.time() + answer["renew_in"]
        for line in answer["made"]:
            log.info("%s", line)
        return bool(answer["made"])

    @property
    def ca_pem(self) -> str:
        """The authority's certificate, made if it is missing: what every ``kube-root-ca.crt`` carries."""
        self.ensure()
        return self.ca.certificate.read_text()

    def renew_in(self) -> float:
        """Seconds until ``ensure`` will have something to do."""
        return max(0.0, self._due - self._clock.time())

    def _files(self) -> list[Path]:
        pairs = [file for pair in (self.ca, self.server, self.admin) for file in (pair.certificate, pair.key)]
        return [*pairs, self.account_key]


def _names(settings: ApiSettings) -> list[str]:
    return [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        f"kubernetes.default.svc.{settings.cluster_domain}",
        "localhost",
        settings.node_name,
    ]


def _addresses(settings: ApiSettings) -> list[str]:
    service = ipaddress.IPv4Network(settings.service_cidr)
    found = ["127.0.0.1", settings.node_address, str(service.network_address + 1)]
    return list(dict.fromkeys(found))
