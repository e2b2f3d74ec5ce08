"""The arithmetic of rolling updates: worked examples of Kubernetes, and two promises under any course of events."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsorch.controllers.deployment.plan import (
    Group,
    Limits,
    apply,
    fenceposts,
    limits,
    new_size,
    old_sizes,
    proportional,
    rolling_step,
    scaled_sizes,
)


@pytest.mark.parametrize(
    ("surge", "unavailable", "desired", "expected"),
    [
        ("0%", "1%", 2, (0, 1)),
        ("0%", "1%", 1, (0, 1)),
        ("1%", "25%", 2, (1, 0)),
        ("1%", "25%", 1, (1, 0)),
        ("1%", "0%", 2, (1, 0)),
        ("25%", "25%", 10, (3, 2)),
        ("25%", "25%", 4, (1, 1)),
        ("25%", "25%", 3, (1, 0)),
        (1, 0, 5, (1, 0)),
        (0, 3, 5, (0, 3)),
        (None, None, 5, (0, 1)),
        ("100%", "100%", 7, (7, 7)),
    ],
)
def test_fenceposts(surge, unavailable, desired, expected):
    assert fenceposts(surge, unavailable, desired) == expected


def test_limits_of_recreate_and_of_more_unavailable_than_wanted():
    assert limits(5, "Recreate", None, None) == Limits(5, 0, 0)
    assert limits(2, "RollingUpdate", 0, 10).least_available == 0
    assert limits(0, "RollingUpdate", 1, 1).most == 0


@pytest.mark.parametrize(
    ("desired", "surge", "new", "old", "expected"),
    [(10, 3, 0, 10, 3), (10, 3, 3, 8, 5), (10, 3, 5, 8, 5), (10, 0, 0, 10, 0), (10, 3, 12, 0, 10), (2, 2, 0, 0, 2)],
)
def test_size_of_the_new_replica_set(desired, surge, new, old, expected):
    fresh = Group("new", new, 0)
    assert new_size(fresh, [Group("old", old, old), fresh], Limits(desired, surge, 0)) == expected


def test_the_new_one_waits_for_pods_that_are_on_their_way_out():
    leaving = Group("old", 8, 10, pods=10)
    new = Group("new", 3, 0, pods=3)
    assert new_size(new, [leaving, new], Limits(10, 3, 2)) == 3


@pytest.mark.parametrize(
    ("new", "olds", "expected"),
    [
        # 10 wanted, surge 3, unavailable 2: the example of the Kubernetes source
        ((3, 0), [(10, 10)], {"old0": 8}),
        ((5, 0), [(8, 8)], {}),
        ((5, 0), [(8, 7)], {}),  # a node fails: nothing may be taken away
        ((8, 7), [(5, 0)], {"old0": 1}),  # rolled back: the crashing ones go, as many as there is room
        ((0, 0), [(8, 8), (5, 0)], {"old1": 0}),  # rolled over: the crashing ones go
        ((10, 10), [(3, 3)], {"old0": 0}),
        ((5, 1), [(8, 10)], {"old0": 7}),  # the status of old0 still counts two Pods that are going
    ],
)
def test_sizes_of_old_replica_sets(new, olds, expected):
    fresh = Group("new", *new, created=99)
    groups = [Group(f"old{n}", *old, created=n) for n, old in enumerate(olds)]
    assert old_sizes(fresh, groups, Limits(10, 3, 2)) == expected


@pytest.mark.parametrize(
    ("sizes", "limit", "before", "expected"),
    [
        # documentation, "Proportional scaling": 10 -> 15 replicas, maxSurge 3, in the middle of a rollout
        ({"old": 8, "new": 5}, Limits(15, 3, 2), 13, {"old": 11, "new": 7}),
        ({"old": 5, "new": 5}, Limits(20, 0, 1), 10, {"old": 10, "new": 10}),
        ({"old": 8, "new": 5}, Limits(0, 0, 0), 13, {"old": 0, "new": 0}),
        ({"old": 6, "new": 4}, Limits(5, 0, 1), 10, {"old": 3, "new": 2}),
        ({"old": 5, "new": 5}, Limits(11, 0, 1), 10, {"old": 5, "new": 6}),  # what is left goes to the newer
        ({"old": 5, "new": 5}, Limits(9, 0, 1), 10, {"old": 4, "new": 5}),  # and is taken from the older
    ],
)
def test_proportional(sizes, limit, before, expected):
    groups = [Group(name, size, size, created=n, max_replicas=before) for n, (name, size) in enumerate(sizes.items())]
    assert proportional(groups, limit) == expected


def test_scaling_one_active_all_idle_and_saturated():
    new, old = Group("new", 0, 0, created=2), Group("old", 4, 4, created=1)
    assert scaled_sizes(new, [old], Limits(9), saturated=False, rolling=True) == {"old": 9}
    assert scaled_sizes(new, [Group("old", 0, 0)], Limits(3), saturated=False, rolling=True) == {"new": 3}
    assert scaled_sizes(None, [], Limits(3), saturated=False, rolling=True) == {}
    full = Group("new", 5, 5, created=2)
    assert scaled_sizes(full, [old], Limits(5), saturated=True, rolling=True) == {"old": 0}


counts = st.integers(0, 12)
amounts = st.one_of(st.integers(0, 6), st.integers(0, 100).map(lambda n: f"{n}%"))


@settings(max_examples=300, deadline=None)
@given(
    groups=st.lists(st.tuples(st.integers(1, 12), st.integers(1, 30)), min_size=2, max_size=4),
    desired=counts,
    surge=counts,
)
def test_proportional_gives_out_exactly_what_is_allowed(groups, desired, surge):
    olds = [Group(f"g{n}", size, size, float(n), size, before) for n, (size, before) in enumerate(groups)]
    limit = Limits(desired, surge, 0)
    sizes = proportional(olds, limit)
    assert all(size >= 0 for size in sizes.values())
    total = sum(sizes.values())
    if limit.most >= sum(group.replicas for group in olds):
        assert total == limit.most
    else:  # the rest is a matter of the steps that follow; none may be taken away that should stay
        assert total >= limit.most


class World:
    """ReplicaSets whose Pods come, become available, and leave in an order that the test draws."""

    def __init__(self, olds, new_name="new"):
        self.sizes = {**olds, new_name: 0}
        self.pods = dict(self.sizes)  # available Pods in truth
        self.reported = dict(self.pods)

    def groups(self):
        return [
            Group(name, size, self.reported[name], n, self.reported[name])
            for n, (name, size) in enumerate(self.sizes.items())
        ]

    def stays(self, name):
        return min(self.pods[name], self.sizes[name])


@settings(max_examples=300, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    desired=st.integers(1, 12),
    surge=amounts,
    unavailable=amounts,
    splits=st.integers(1, 3),
)
def test_a_rollout_keeps_its_promises_and_converges(seed, desired, surge, unavailable, splits):
    limit = limits(desired, "RollingUpdate", surge, unavailable)
    olds = {f"old{n}": desired // splits + (1 if n < desired % splits else 0) for n in range(splits)}
    world = World(olds)
    random = Random(seed)
    for _ in range(40):
        groups = world.groups()
        step = rolling_step(groups[-1], groups[:-1], limit)
        world.sizes.update(step)
        assert sum(world.sizes.values()) <= desired + limit.surge
        assert sum(world.stays(name) for name in world.sizes) >= limit.least_available
        # The world moves: some of what was asked for happens, and some ReplicaSets report it.
        for name, size in world.sizes.items():
            low, high = sorted((world.pods[name], size))
            world.pods[name] = random.randint(low, high)
            if random.random() < 0.5:
                world.reported[name] = world.pods[name]
    for _ in range(100):
        world.pods = dict(world.sizes)
        world.reported = dict(world.sizes)
        groups = world.groups()
        step = rolling_step(groups[-1], groups[:-1], limit)
        world.sizes.update(step)
        if not step:
            break
    assert world.sizes == {**dict.fromkeys(olds, 0), "new": desired}


def test_apply():
    assert apply([Group("a", 1, 1), Group("b", 2, 2)], {"a": 3}) == [Group("a", 3, 1), Group("b", 2, 2)]
