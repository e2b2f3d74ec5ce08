"""Messages over unix sockets, and plans as JSON."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nsorch.supervisor import wire
from nsorch.supervisor.container import TABLE, Container, Event, State
from nsorch.supervisor.plan import ContainerPlan, Hook, Limits, Mount, Network, PodPlan, Security, SharedTmpfs


def plan() -> PodPlan:
    return PodPlan(
        uid="u",
        namespace="n",
        name="p",
        hostname="p",
        dir="/d",
        socket="/s",
        cgroup="c",
        network=Network(address="10.0.0.1", sysctls=(("a", "b"),)),
        limits=Limits(pids_limit=3),
        tmpfs=(SharedTmpfs(path="/t"),),
        containers=(
            ContainerPlan(
                name="c",
                argv=("a", "b"),
                env=(("K", "V"),),
                mounts=(Mount(target="/m"),),
                security=Security(groups=(1, 2)),
                pre_stop=Hook(type="http", headers=(("H", "v"),)),
            ),
        ),
    )


def test_plans_survive_json() -> None:
    assert PodPlan.from_json(plan().to_json()) == plan()


def test_plans_of_the_future_are_refused() -> None:
    with pytest.raises(ValueError, match="version 99"):
        PodPlan.from_json(plan().to_json().replace('"version":1', '"version":99'))
    with pytest.raises(ValueError, match="uid"):
        PodPlan.from_json("{}")


def test_messages_carry_descriptors() -> None:
    left, right = wire.pair()
    reader, writer = os.pipe()
    wire.send(left, {"id": 1}, [writer])
    os.close(writer)
    received = wire.receive(right)
    assert received is not None
    message, fds = received
    assert message == {"id": 1}
    os.write(fds[0], b"through")
    assert os.read(reader, 100) == b"through"
    assert not os.get_inheritable(fds[0])
    left.send(b"no json")
    with pytest.raises(ValueError, match="Expecting value"):
        wire.receive(right)
    left.close()
    assert wire.receive(right) is None
    right.close()
    wire.close_all([reader, *fds])


def test_paths_longer_than_the_kernel_allows(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    path = str(folder / "socket")
    with wire.listen(path) as server, wire.connect(path) as client:
        connection, _ = server.accept()
        wire.send(client, {"hello": True})
        connection.setblocking(True)
        assert wire.receive(connection) == ({"hello": True}, [])
        connection.close()


def test_every_cell_of_the_state_table_is_decided() -> None:
    assert set(TABLE) == set(State)
    for state, row in TABLE.items():
        assert set(row) == set(Event), state
        for action in row.values():
            assert not action or callable(getattr(Container, action))
