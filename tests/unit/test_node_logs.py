"""Reading CRI logs: tails, filters, following over rotation."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from nsorch.node.containerlogs.files import runs
from nsorch.node.containerlogs.format import Filter, stamp
from nsorch.node.containerlogs.reader import read_log
from tests.support.loops import on_a_loop


def line(second: int, text: str, stream: str = "stdout", tag: str = "F") -> str:
    return f"{stamp(second).decode()} {stream} {tag} {text}\n"


async def printed(folder: Path, run: int = 0, *, tail: int | None = None, **options: Any) -> str:
    chosen = Filter(**options)
    parts = [
        data
        async for data in read_log(
            str(folder), run, chosen, tail=tail, follow=False, ended=lambda: True, changed=asyncio.Event()
        )
    ]
    return b"".join(parts).decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0.log.20230101-000000").write_text(line(1, "one") + line(2, "two", "stderr"))
    (tmp_path / "0.log").write_text(line(3, "thr", tag="P") + line(3, "ee") + line(4, "four") + line(5, ""))
    (tmp_path / "1.log").write_text(line(9, "again"))
    return tmp_path


@on_a_loop
async def test_everything_and_tails_reach_into_rotated_files(folder: Path) -> None:
    assert await printed(folder) == "one\ntwo\nthree\nfour\n\n"
    assert await printed(folder, tail=0) == ""
    assert await printed(folder, tail=2) == "four\n\n"
    assert await printed(folder, tail=3) == "three\nfour\n\n"
    assert await printed(folder, tail=4) == "two\nthree\nfour\n\n"
    assert await printed(folder, tail=99) == "one\ntwo\nthree\nfour\n\n"
    assert await printed(folder, 1) == "again\n"
    assert runs(str(folder)) == [0, 1]


@on_a_loop
async def test_filters(folder: Path) -> None:
    assert await printed(folder, since=stamp(4)) == "four\n\n"
    assert await printed(folder, stream=b"stderr") == "two\n"
    assert await printed(folder, left=5) == "one\nt"
    first = stamp(3).decode()
    assert (await printed(folder, tail=3, timestamps=True)).startswith(f"{first} three\n")


@on_a_loop
async def test_a_long_tail_reads_back_over_many_blocks(tmp_path: Path) -> None:
    (tmp_path / "0.log").write_text("".join(line(1, f"{number:06d} " + "x" * 90) for number in range(5000)))
    text = await printed(tmp_path, tail=3000)
    assert text.count("\n") == 3000
    assert text.startswith("002000 ")


@on_a_loop
async def test_following_survives_rotation_and_ends_with_the_run(tmp_path: Path) -> None:
    live = tmp_path / "0.log"
    live.write_text(line(1, "old"))
    over = False
    changed = asyncio.Event()
    seen: list[str] = []
    arrived = asyncio.Event()

    async def follow() -> None:
        stream = read_log(str(tmp_path), 0, Filter(), tail=None, follow=True, ended=lambda: over, changed=changed)
        async for data in stream:
            seen.append(data.decode())
            arrived.set()

    async def wait_for(text: str) -> None:
        while text not in "".join(seen):
            arrived.clear()
            await asyncio.wait_for(arrived.wait(), 10)

    task = asyncio.create_task(follow())
    await wait_for("old")
    with live.open("a") as out:
        out.write(line(2, "appended"))
    await wait_for("appended")
    live.rename(tmp_path / "0.log.20230101-000000")
    live.write_text(line(3, "rotated"))
    await wait_for("rotated")
    with live.open("a") as out:
        out.write(line(4, "last"))
    over = True
    changed.set()
    await asyncio.wait_for(task, 10)
    assert "".join(seen) == "old\nappended\nrotated\nlast\n"
