"""The store: durable, ordered, compare-and-swap, resumable, and alive after a disk that refused."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsorch.resources.config import ConfigMap
from nsorch.resources.meta import ObjectMeta, OwnerReference, Resource
from nsorch.store import Changed, Exists, Expired, Leases, Missing, NotYet, Store, StoreError
from nsorch.store.connection import connect
from tests.support.loops import on_a_loop

CONFIG = "configmaps"


def parse(resource: str, body: bytes) -> Resource:
    return ConfigMap.model_validate_json(body)


def open_store(folder: Path, **options: Any) -> Store:
    return Store.open(folder / "test.db", parse=parse, **options)


def config(name: str, value: str = "", *, namespace: str = "default", owner: str = "") -> ConfigMap:
    metadata = ObjectMeta(name=name, namespace=namespace, uid=f"uid-{namespace}-{name}")
    if owner:
        metadata.ownerReferences = [
            OwnerReference(apiVersion="v1", kind="ConfigMap", name="o", uid=owner, controller=True)
        ]
    return ConfigMap(apiVersion="v1", kind="ConfigMap", metadata=metadata, data={"value": value})


class FailingConnection(sqlite3.Connection):
    """Refuses to commit as long as ``broken`` says so."""

    broken = False
    commits = 0

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        if sql == "COMMIT":
            if FailingConnection.broken:
                raise sqlite3.OperationalError("database or disk is full")
            FailingConnection.commits += 1
        return super().execute(sql, *arguments)


def failing_connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=FailingConnection)


@on_a_loop
async def test_what_is_written_is_there_after_a_restart(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    created = await store.create(CONFIG, config("a", "1", owner="boss"))
    updated = await store.update(CONFIG, config("a", "2", owner="boss"), expect=created.revision)
    await store.create(CONFIG, config("b"))
    await store.delete(CONFIG, "default", "b")
    revision = store.revision
    store.close()

    again = open_store(tmp_path)
    record = again.get(CONFIG, "default", "a")
    assert record is not None
    assert record.body == updated.body
    assert record.revision == updated.revision
    assert record.obj.metadata.resourceVersion == str(updated.revision)
    assert [found.name for found in again.owned(CONFIG, "boss")] == ["a"]
    assert again.get(CONFIG, "default", "b") is None
    assert again.revision == revision
    assert (await again.create(CONFIG, config("c"))).revision > revision
    again.close()


@on_a_loop
async def test_writes_of_one_moment_share_one_commit(tmp_path: Path) -> None:
    FailingConnection.commits = 0
    store = open_store(tmp_path, connect=failing_connect)
    records = await asyncio.gather(*(store.create(CONFIG, config(f"c{number:03}")) for number in range(200)))
    assert FailingConnection.commits == 1
    assert [record.revision for record in records] == list(range(2, 202))
    store.close()


@on_a_loop
async def test_compare_and_swap_sees_what_is_still_on_its_way(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    first = store.create(CONFIG, config("a", "1"))
    assert store.get(CONFIG, "default", "a") is None, "not durable yet"
    with pytest.raises(Exists):
        store.create(CONFIG, config("a", "2"))
    latest = store.latest(CONFIG, "default", "a")
    assert latest is not None
    second = store.update(CONFIG, config("a", "3"), expect=latest.revision)
    with pytest.raises(Changed):
        store.update(CONFIG, config("a", "4"), expect=latest.revision)
    assert (await first).revision < (await second).revision
    with pytest.raises(Missing):
        store.delete(CONFIG, "default", "nobody")
    store.close()


@on_a_loop
async def test_a_refused_commit_fails_its_writes_and_no_others(tmp_path: Path) -> None:
    store = open_store(tmp_path, connect=failing_connect)
    kept = await store.create(CONFIG, config("kept", "1"))
    watcher = store.watch(CONFIG)
    FailingConnection.broken = True
    try:
        doomed = [store.create(CONFIG, config("a")), store.update(CONFIG, config("kept", "2"), expect=kept.revision)]
        await asyncio.sleep(0)  # the batch is with the writer now; what follows was decided upon its outcome
        latest = store.latest(CONFIG, "default", "kept")
        assert latest is not None
        dependent = store.update(CONFIG, config("kept", "3"), expect=latest.revision)
        for future in doomed:
            with pytest.raises(StoreError, match="disk is full; free some space"):
                await future
        FailingConnection.broken = False
        with pytest.raises(StoreError, match="disk is full"):
            await dependent
    finally:
        FailingConnection.broken = False
    assert store.trouble is not None
    current = store.get(CONFIG, "default", "kept")
    assert current is not None
    assert current.body == kept.body
    assert watcher.take() == []
    await store.update(CONFIG, config("kept", "4"), expect=kept.revision)
    assert store.trouble is None
    assert [change.record.obj.data for change in watcher.take()] == [{"value": "4"}]  # type: ignore[attr-defined]
    store.close()
    again = open_store(tmp_path)
    assert [record.name for record in again.list(CONFIG)] == ["kept"]
    again.close()


@on_a_loop
async def test_a_real_full_database_refuses_and_recovers(tmp_path: Path) -> None:
    def small(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        connection.execute(f"PRAGMA max_page_count = {limit}")
        return connection

    limit = 60
    store = open_store(tmp_path, connect=small)
    with pytest.raises(StoreError, match="full"):
        await asyncio.gather(*(store.create(CONFIG, config(f"c{n}", "x" * 20_000)) for n in range(30)))
    limit = 10_000
    assert await store.create(CONFIG, config("after"))
    store.close()


@on_a_loop
async def test_a_watch_tells_every_change_once_in_order_and_resumes_over_a_restart(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    start = store.revision
    await store.create(CONFIG, config("a", "1"))
    await store.update(CONFIG, config("a", "2"))
    await store.create(CONFIG, config("x", namespace="other"))
    middle = store.revision
    await store.update(CONFIG, config("a", "3"))
    await store.delete(CONFIG, "default", "a")

    def seen(of: Store, since: int, namespace: str | None = None) -> list[tuple[Any, ...]]:
        return [
            (
                change.type,
                change.record.name,
                change.revision,
                change.record.body,
                change.previous.body if change.previous else None,
            )
            for change in of.watch(CONFIG, namespace, since).take()
        ]

    before = seen(store, start)
    assert [(change[0], change[1]) for change in before] == [
        ("ADDED", "a"),
        ("MODIFIED", "a"),
        ("ADDED", "x"),
        ("MODIFIED", "a"),
        ("DELETED", "a"),
    ]
    assert all(b'"resourceVersion":"%d"' % change[2] in change[3] for change in before)
    store.close()
    again = open_store(tmp_path)
    assert seen(again, start) == before
    assert seen(again, middle) == before[3:]
    assert seen(again, start, "other") == [before[2]]
    assert seen(again, again.revision) == []
    with pytest.raises(NotYet):
        again.watch(CONFIG, None, again.revision + 1)
    again.close()


@on_a_loop
async def test_the_journal_is_bounded_in_memory_and_on_disk(tmp_path: Path) -> None:
    store = open_store(tmp_path, max_changes=20)
    slow = store.watch(CONFIG)
    await store.create(CONFIG, config("a"))
    first = store.revision
    for number in range(100):
        await store.update(CONFIG, config("a", str(number)))
    with pytest.raises(Expired):
        store.watch(CONFIG, None, first)
    with pytest.raises(Expired):
        slow.take()
    assert len(store.watch(CONFIG, None, store.journal.compacted).take()) == 20
    rows = sqlite3.connect(tmp_path / "test.db").execute("SELECT count(*) FROM journal").fetchone()[0]
    assert rows <= 26
    store.close()
    again = open_store(tmp_path, max_changes=20)
    with pytest.raises(Expired):
        again.watch(CONFIG, None, first)
    assert len(again.watch(CONFIG, None, again.journal.compacted).take()) == 20
    again.close()


@on_a_loop
async def test_a_waiting_watcher_wakes_up_for_its_own_resource(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    changes = aiter(store.watch(CONFIG))
    following = asyncio.ensure_future(anext(changes))
    await store.create("others", config("x"))
    assert not following.done()
    await store.create(CONFIG, config("a"))
    assert (await following).record.name == "a"
    store.close()


@on_a_loop
async def test_a_subscriber_that_fails_hides_nothing_from_others(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    seen: list[str] = []

    def bad(change: Any) -> None:
        raise RuntimeError("a fault of this subscriber")

    store.subscribe(CONFIG, bad)
    stop = store.subscribe(CONFIG, lambda change: seen.append(change.record.name))
    await store.create(CONFIG, config("a"))
    stop()
    await store.create(CONFIG, config("b"))
    assert seen == ["a"]
    store.close()


@on_a_loop
async def test_closing_writes_what_waits(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    first = store.create(CONFIG, config("a"))
    await asyncio.sleep(0)
    second = store.create(CONFIG, config("b"))
    store.close()
    assert first.done()
    assert second.done()
    with pytest.raises(StoreError, match="closed"):
        store.create(CONFIG, config("c"))
    again = open_store(tmp_path)
    assert [record.name for record in again.list(CONFIG)] == ["a", "b"]
    again.close()


@on_a_loop
async def test_lists_are_sorted_and_cut_by_namespace(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for namespace, name in (("b", "y"), ("a", "z"), ("b", "x"), ("ab", "q")):
        await store.create(CONFIG, config(name, namespace=namespace))
    assert [(r.namespace, r.name) for r in store.list(CONFIG)] == [("a", "z"), ("ab", "q"), ("b", "x"), ("b", "y")]
    assert [r.name for r in store.list(CONFIG, "b")] == ["x", "y"]
    assert [r.name for r in store.list(CONFIG, "a")] == ["z"]
    assert [r.name for r in store.list(CONFIG, None, after=("ab", "q"))] == ["x", "y"]
    store.close()


@on_a_loop
async def test_leases_are_unique_durable_and_repeatable(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    leases = Leases(store)
    values = await asyncio.gather(*(leases.acquire("ip", f"pod{n}", ["1", "2", "3"]) for n in range(3)))
    assert sorted(values) == ["1", "2", "3"]
    assert await leases.acquire("ip", "pod0", ["9"]) == values[0]
    with pytest.raises(StoreError, match="all 3 values are taken"):
        await leases.acquire("ip", "pod4", ["1", "2", "3"])
    await leases.release("ip", "pod1")
    await leases.release("ip", "pod1")
    assert await leases.acquire("ip", "pod4", ["1", "2", "3"]) == values[1]
    store.close()
    again = open_store(tmp_path)
    assert dict(Leases(again).all("ip")) == {"pod0": values[0], "pod2": values[2], "pod4": values[1]}
    again.close()


def test_a_corrupt_database_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "test.db").write_bytes(b"this is no database, " * 1000)
    with pytest.raises(StoreError, match=r"corrupt.*restore a backup"):
        open_store(tmp_path)


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "test.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="schema 99, this nsorch knows up to 1"):
        open_store(tmp_path)


def test_two_daemons_do_not_share_a_database(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with pytest.raises(StoreError, match="another nsorch daemon"):
        open_store(tmp_path)
    store.close()
    open_store(tmp_path).close()


def test_the_file_is_private_and_gives_space_back(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    assert (tmp_path / "test.db").stat().st_mode & 0o777 == 0o600
    connection = sqlite3.connect(tmp_path / "test.db")
    assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["create", "update", "delete", "reopen"]), st.sampled_from("abc")), max_size=25
)


@settings(max_examples=25, deadline=None)
@given(ACTIONS)
def test_it_behaves_as_a_dictionary_with_a_history(actions: list[tuple[str, str]]) -> None:
    async def run(folder: Path) -> None:
        store = open_store(folder)
        model: dict[str, str] = {}
        history: list[tuple[str, str]] = []
        for number, (action, name) in enumerate(actions):
            try:
                if action == "create":
                    await store.create(CONFIG, config(name, str(number)))
                    assert name not in model
                    history.append(("ADDED", name))
                    model[name] = str(number)
                elif action == "update":
                    await store.update(CONFIG, config(name, str(number)))
                    assert name in model
                    history.append(("MODIFIED", name))
                    model[name] = str(number)
                elif action == "delete":
                    await store.delete(CONFIG, "default", name)
                    history.append(("DELETED", name))
                    del model[name]
                else:
                    store.close()
                    store = open_store(folder)
            except Exists:
                assert name in model
            except Missing:
                assert name not in model
        assert {r.name: r.obj.data["value"] for r in store.list(CONFIG)} == model  # type: ignore[attr-defined]
        assert [(c.type, c.record.name) for c in store.watch(CONFIG, None, 1).take()] == history
        store.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
