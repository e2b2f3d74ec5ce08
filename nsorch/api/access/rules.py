"""What the rules of a role allow, and whether rules cover others. Pure.

Source: kubernetes ``pkg/apis/rbac/v1/evaluation_helpers.go`` and k8s.io/component-helpers ``auth/rbac/validation``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from nsorch.api.access.attributes import Attributes
from nsorch.resources.rbac import PolicyRule

ALL = "*"
FULL = (
    PolicyRule(apiGroups=[ALL], resources=[ALL], verbs=[ALL]),
    PolicyRule(nonResourceURLs=[ALL], verbs=[ALL]),
)
"""Everything."""


@dataclass(frozen=True, slots=True)
class _Allowed:
    """Of one rule: verbs, and the only names meant (None: all)."""

    verbs: frozenset[str]
    names: frozenset[str] | None

    def takes(self, verb: str, name: str) -> bool:
        return (verb in self.verbs or ALL in self.verbs) and (self.names is None or name in self.names)


class RuleSet:
    """The rules of one role, laid out by group and resource so that a question takes a few look-ups."""

    __slots__ = ("_paths", "_resources", "rules")

    def __init__(self, rules: Sequence[PolicyRule]) -> None:
        self.rules = tuple(rules)
        self._resources: dict[tuple[str, str], list[_Allowed]] = {}
        self._paths: list[tuple[frozenset[str], frozenset[str], tuple[str, ...]]] = []
        for rule in rules:
            verbs = frozenset(rule.verbs)
            if rule.nonResourceURLs:
                starts = tuple(url[:-1] for url in rule.nonResourceURLs if url.endswith(ALL))
                self._paths.append((verbs, frozenset(rule.nonResourceURLs), starts))
            allowed = _Allowed(verbs, frozenset(rule.resourceNames) if rule.resourceNames else None)
            for group in rule.apiGroups or ():
                for resource in rule.resources or ():
                    self._resources.setdefault((group, resource), []).append(allowed)

    def allows(self, asked: Attributes) -> bool:
        """Whether the role allows what is asked, leaving aside where."""
        if not asked.resource:
            return any(
                (asked.verb in verbs or ALL in verbs) and (asked.path in exact or asked.path.startswith(starts))
                for verbs, exact, starts in self._paths
            )
        resources = self._resources
        if not resources:
            return False
        full = asked.full_resource
        for group in (asked.group, ALL):
            for resource in (full, ALL, f"*/{asked.subresource}") if asked.subresource else (full, ALL):
                for allowed in resources.get((group, resource), ()):
                    if allowed.takes(asked.verb, asked.name):
                        return True
        return False


def uncovered(held: Iterable[PolicyRule], wanted: Iterable[PolicyRule]) -> list[PolicyRule]:
    """What of ``wanted`` is not allowed by ``held``, one verb of one resource (or path) at a time."""
    sets = RuleSet(list(held))
    missing: list[PolicyRule] = []
    for rule in wanted:
        for one in _single(rule):
            if not _covers(sets, one):
                missing.append(one)
    return missing


def _single(rule: PolicyRule) -> Iterator[PolicyRule]:
    for verb in rule.verbs:
        for url in rule.nonResourceURLs or ():
            yield PolicyRule(verbs=[verb], nonResourceURLs=[url])
        for group in rule.apiGroups or ():
            for resource in rule.resources or ():
                for name in rule.resourceNames or (None,):
                    names = None if name is None else [name]
                    yield PolicyRule(verbs=[verb], apiGroups=[group], resources=[resource], resourceNames=names)


def _covers(sets: RuleSet, one: PolicyRule) -> bool:
    """Whether the rules allow a single wish. A wish for "*" is only met by "*": the look-ups treat it as any name."""
    verb = one.verbs[0]
    if one.nonResourceURLs:
        return sets.allows(Attributes(verb, one.nonResourceURLs[0]))
    assert one.apiGroups
    assert one.resources
    resource, _, subresource = one.resources[0].partition("/")
    name = one.resourceNames[0] if one.resourceNames else ""
    return sets.allows(Attributes(verb, "", one.apiGroups[0], resource, subresource, "", name))


def shown(rule: PolicyRule) -> str:
    """A rule as Kubernetes writes it into a refusal."""
    parts = (
        ("APIGroups", rule.apiGroups),
        ("Resources", rule.resources),
        ("ResourceNames", rule.resourceNames),
        ("NonResourceURLs", rule.nonResourceURLs),
        ("Verbs", rule.verbs),
    )
    said = [f"{name}:[{', '.join(chr(34) + one + chr(34) for one in values)}]" for name, values in parts if values]
    return "{" + ", ".join(said) + "}"


def compact(rules: Iterable[PolicyRule]) -> list[PolicyRule]:
    """Single wishes joined again: all verbs of the same object, as one rule."""
    joined: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for rule in rules:
        lists = (rule.apiGroups, rule.resources, rule.resourceNames, rule.nonResourceURLs)
        verbs = joined.setdefault(tuple(tuple(values or ()) for values in lists), [])
        verbs += [verb for verb in rule.verbs if verb not in verbs]
    return [
        PolicyRule(
            apiGroups=list(groups) or None,
            resources=list(resources) or None,
            resourceNames=list(names) or None,
            nonResourceURLs=list(urls) or None,
            verbs=verbs,
        )
        for (groups, resources, names, urls), verbs in joined.items()
    ]
