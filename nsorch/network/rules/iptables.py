"""The iptables writer: one ``iptables-restore --noflush`` per change, with the changed chains only.

Only chains named NSORCH-* and the jumps to them are touched. The jumps are never tested for and then appended: one
restore deletes the ones that ``iptables-save`` showed and inserts the right ones; if somebody changed them in between,
the deletion fails, the kernel keeps everything as it was, and the writer looks again. Works with iptables-nft (each
table commits atomically) and iptables-legacy (each table is replaced atomically).
"""

from __future__ import annotations

import re
import subprocess
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from nsorch.kit.logs import logger
from nsorch.network.rules.chains import HOOKS, PREFIX, Chains, Renderer, service_chain, target_chain
from nsorch.network.rules.value import PortRule, RulesError, ServiceRules
from nsorch.network.settings import NetworkSettings

LOCK_SECONDS = 10
"""How long to wait for the lock of iptables-legacy."""
COMMAND_SECONDS = 60
ATTEMPTS = 3
"""Full rewrites in a row that may be spoilt by somebody who changes the same jumps."""
TABLES = tuple(HOOKS)
LINE_NUMBER = re.compile(r"\bline:? (\d+)")
SERVICE_CHAIN = re.compile(r"NSORCH-S(?:VC|EP)-[A-Z2-7]{16}")

log = logger("network.rules")


@dataclass
class Found:
    """What ``iptables-save`` shows of nsorch in one table."""

    chains: dict[str, int] = field(default_factory=dict)
    """Own chain -> number of rules."""
    hooks: list[str] = field(default_factory=list)
    """Rules outside own chains that jump to them, as ``CHAIN MATCHES``."""


class IptablesWriter:
    """Implements ``value.RuleWriter``."""

    def __init__(self, settings: NetworkSettings, *, binaries: str = "iptables") -> None:
        """``settings`` with ``node_address`` filled in; ``binaries``: iptables, iptables-nft or iptables-legacy."""
        self._renderer = Renderer(settings)
        self._binaries = binaries
        self._applied: Mapping[str, Chains] | None = None
        self._refused: dict[str, PortRule] = {}
        self.pids: deque[int] = deque(maxlen=16)
        """The latest processes started, to tell our own changes from those of others."""

    def apply(self, rules: ServiceRules) -> None:
        self._refused = {key: rule for key, rule in self._refused.items() if rules.ports.get(key) is rule}
        while True:
            kept = {key: rule for key, rule in rules.ports.items() if key not in self._refused}
            try:
                self._write(self._renderer.render(ServiceRules(kept)))
                return
            except RulesError as error:
                culprit = culprit_of(error.line, kept.values())
                if culprit is None:
                    raise
                log.error("Service port %s is left out: %s: %s", culprit.key, error, error.line)
                self._refused[culprit.key] = culprit

    def _write(self, wanted: Mapping[str, Chains]) -> None:
        if self._applied is not None:
            text = "".join(self._difference(table, self._applied[table], wanted[table]) for table in TABLES)
            if not text:
                self._applied = wanted
                return
            try:
                self._restore(text)
                self._applied = wanted
                return
            except RulesError:
                self._applied = None  # somebody changed our chains; look and write everything
        for attempt in range(ATTEMPTS):
            try:
                self._restore("".join(self._everything(table, self._look(table), wanted[table]) for table in TABLES))
                break
            except RulesError as error:
                if attempt == ATTEMPTS - 1 or SERVICE_CHAIN.search(error.line):
                    raise
        self._applied = wanted

    def intact(self) -> bool:
        if self._applied is None:
            return False
        for table in TABLES:
            found = self._look(table)
            expected = {name: len(lines) for name, lines in self._applied[table].items()}
            if found.chains != expected or not hooks_right(table, found):
                self._applied = None
                return False
        return True

    def remove(self) -> None:
        self._applied = None
        for attempt in range(ATTEMPTS):
            text = "".join(self._nothing(table, self._look(table)) for table in TABLES)
            if not text:
                return
            try:
                self._restore(text)
                return
            except RulesError:
                if attempt == ATTEMPTS - 1:
                    raise

    def _difference(self, table: str, old: Chains, new: Chains) -> str:
        changed = [name for name, lines in new.items() if old.get(name) != lines]
        gone = [name for name in old if name not in new]
        if not changed and not gone:
            return ""
        return transaction(table, [*declared([*changed, *gone]), *bodies(new, changed), *dropped(gone)])

    def _everything(self, table: str, found: Found, new: Chains) -> str:
        gone = [name for name in found.chains if name not in new]
        lines = [*declared([*new, *gone])]
        if not hooks_right(table, found):
            lines += [f"-D {hook}" for hook in found.hooks]
            lines += [f"-I {hook}" for hook in hook_rules(table)]
        return transaction(table, [*lines, *bodies(new, new), *dropped(gone)])

    def _nothing(self, table: str, found: Found) -> str:
        if not found.chains and not found.hooks:
            return ""
        lines = [*declared(found.chains), *(f"-D {hook}" for hook in found.hooks), *dropped(found.chains)]
        return transaction(table, lines)

    def _look(self, table: str) -> Found:
        return parse(self._run([f"{self._binaries}-save", "-t", table], ""))

    def _restore(self, text: str) -> None:
        self._run([f"{self._binaries}-restore", "--noflush", f"--wait={LOCK_SECONDS}"], text)

    def _run(self, argv: list[str], text: str) -> str:
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        except FileNotFoundError as error:
            raise RulesError(f"cannot write Service rules: {argv[0]} is not installed; install iptables") from error
        self.pids.append(process.pid)
        with process:
            try:
                out, complaint = process.communicate(text, timeout=COMMAND_SECONDS)
            except subprocess.TimeoutExpired as error:
                process.kill()
                raise RulesError(f"cannot write Service rules: {argv[0]} took over {COMMAND_SECONDS} s") from error
        if process.returncode:
            lines = complaint.strip().splitlines()
            number = LINE_NUMBER.search(complaint)
            line = text.splitlines()[int(number[1]) - 1 : int(number[1])] if number else []
            reason = lines[0] if lines else f"exit status {process.returncode}"
            raise RulesError(f"cannot write Service rules: {argv[0]}: {reason}", line[0] if line else "")
        return out


def culprit_of(line: str, rules: Iterable[PortRule]) -> PortRule | None:
    """The rule that a line of iptables-restore's input was made for."""
    chains = set(SERVICE_CHAIN.findall(line))
    for rule in rules if line else ():
        own = {service_chain(rule), *(target_chain(rule, target) for target in rule.targets)}
        if own & chains or f'--comment "{rule.name}" ' in line:
            return rule
    return None


def transaction(table: str, lines: Iterable[str]) -> str:
    """One table's part of the input of iptables-restore."""
    return "\n".join([f"*{table}", *lines, "COMMIT", ""])


def declared(names: Iterable[str]) -> Iterator[str]:
    """Create each chain, or empty it."""
    return (f":{name} - [0:0]" for name in names)


def dropped(names: Iterable[str]) -> Iterator[str]:
    return (f"-X {name}" for name in names)


def bodies(chains: Chains, names: Iterable[str]) -> Iterator[str]:
    return (f"-A {name} {line}" for name in names for line in chains[name])


def hook_rules(table: str) -> list[str]:
    """The jumps into our chains, as ``CHAIN MATCHES``."""
    return [f"{chain} -j {own}" for chain, own in HOOKS[table]]


def hooks_right(table: str, found: Found) -> bool:
    """Whether every jump is there exactly once and no other leads to us."""
    return sorted(found.hooks) == sorted(hook_rules(table))


def parse(saved: str) -> Found:
    """Read the output of ``iptables-save -t TABLE``."""
    found = Found()
    for line in saved.splitlines():
        if line.startswith(f":{PREFIX}"):
            found.chains[line[1:].split(" ", 1)[0]] = 0
        elif line.startswith("-A "):
            chain = line[3:].split(" ", 1)[0]
            if chain.startswith(PREFIX):
                found.chains[chain] = found.chains.get(chain, 0) + 1
            elif f"-j {PREFIX}" in line or f"-g {PREFIX}" in line:
                found.hooks.append(line[3:])
    return found
