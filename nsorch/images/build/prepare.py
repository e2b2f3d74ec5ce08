"""``prepare.sh``: what a recipe needs from outside, fetched before its Containerfile is read.

A context with an executable ``prepare.sh`` has it run as ``./prepare.sh OUTPUT`` on the host (as root, in the context
folder); what it leaves in OUTPUT is laid over the context for COPY and ADD. By hand the same is ``./prepare.sh .``, after
which any other builder can use the recipe. It runs again only when a file of the context changed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from nsorch.images.build.cache import BuildCache
from nsorch.images.build.context import Context
from nsorch.images.build.errors import BuildError
from nsorch.images.layout import Layout, remove_tree

SCRIPT = "prepare.sh"
CACHE_VARIABLE = "PREPARE_CACHE"
"""Names a folder that survives between runs, for downloads."""


def prepare(layout: Layout, folder: Path, output: Callable[[str], None], *, again: bool) -> Path | None:
    """The folder with what ``prepare.sh`` made; None if the context has none. ``BuildError`` if it fails."""
    script = folder / SCRIPT
    if not script.is_file():
        return None
    if not os.access(script, os.X_OK):
        raise BuildError(f"{script} is not executable: chmod +x it")
    place = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    key = BuildCache.key("prepare", Context(folder).digest([""]))[:32]
    prepared = layout.build / "prepared"
    prepared.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = prepared / f"{place}-{key}"
    if target.is_dir() and not again:
        os.utime(target)
        return target
    downloads = layout.build / "downloads"
    downloads.mkdir(mode=0o700, exist_ok=True)
    with layout.scratch("prepare-") as scratch:
        made = scratch / "output"
        made.mkdir()
        status = _run([f"./{SCRIPT}", str(made)], folder, {**os.environ, CACHE_VARIABLE: str(downloads)}, output)
        if status != 0:
            raise BuildError(f"{script} failed with status {status}")
        for old in prepared.glob(f"{place}-*"):
            remove_tree(old)
        made.rename(target)
    return target


def _run(argv: list[str], cwd: Path, env: dict[str, str], output: Callable[[str], None]) -> int:
    with subprocess.Popen(
        argv,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            output(line.rstrip("\n"))
        return process.wait()
