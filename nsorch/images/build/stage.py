"""One stage of a build: its layers so far and the config that its instructions shape."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nsorch.images.config import Descriptor, History, ImageConfig, ImageDocument, Manifest
from nsorch.images.layout import Layout
from nsorch.linux import mounts

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_SHELL = ("/bin/sh", "-c")


@dataclass(slots=True)
class Stage:
    """Mutable; ``finish`` makes the config document out of it."""

    name: str
    base: str
    diff_ids: list[str] = field(default_factory=list)
    blobs: list[Descriptor] = field(default_factory=list)
    history: list[History] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)
    """Declared by ARG; seen by later instructions and by RUN, not part of the image."""
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    cmd_is_own: bool = False
    """CMD was set in this stage: a later ENTRYPOINT keeps it, while it drops an inherited one."""
    working_dir: str = ""
    user: str = ""
    stop_signal: str = ""
    ports: dict[str, None] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    volumes: dict[str, None] = field(default_factory=dict)
    shell: tuple[str, ...] = ()

    @classmethod
    def scratch(cls, name: str) -> Stage:
        return cls(name, "scratch")

    @classmethod
    def on_image(cls, name: str, base: str, manifest: Manifest, document: ImageDocument) -> Stage:
        config = document.config
        return cls(
            name,
            base,
            diff_ids=list(document.diff_ids),
            blobs=list(manifest.layers),
            history=list(document.history),
            env=dict(item.partition("=")[::2] for item in config.env),
            entrypoint=config.entrypoint,
            cmd=config.cmd,
            working_dir=config.working_dir,
            user=config.user,
            stop_signal=config.stop_signal,
            ports=dict.fromkeys(config.exposed_ports),
            labels=dict(config.labels),
            volumes=dict.fromkeys(config.volumes),
            shell=config.shell,
        )

    @classmethod
    def on_stage(cls, name: str, other: Stage) -> Stage:
        config = other.config()
        return cls.on_image(
            name,
            other.name or other.base,
            Manifest(Descriptor("", "", 0), tuple(other.blobs)),
            ImageDocument(config, tuple(other.diff_ids), history=tuple(other.history)),
        )

    @property
    def variables(self) -> dict[str, str]:
        """What ``$NAME`` means in instructions: ENV wins over ARG."""
        return {**self.args, **self.env}

    def absolute(self, path: str) -> str:
        """A path of an instruction, relative to WORKDIR; a trailing slash stays."""
        joined = posixpath.join(self.working_dir or "/", path)
        clean = posixpath.normpath(joined)
        clean = "/" + clean.lstrip("/")
        return clean + "/" if path.endswith(("/", "/.")) or path == "." else clean

    def config(self) -> ImageConfig:
        return ImageConfig(
            entrypoint=self.entrypoint,
            cmd=self.cmd,
            env=tuple(f"{name}={value}" for name, value in self.env.items()),
            working_dir=self.working_dir,
            user=self.user,
            stop_signal=self.stop_signal,
            exposed_ports=tuple(sorted(self.ports)),
            labels=self.labels,
            volumes=tuple(sorted(self.volumes)),
            shell=self.shell if self.shell != DEFAULT_SHELL else (),
        )

    def add_layer(self, diff_id: str, blob: Descriptor) -> None:
        self.diff_ids.append(diff_id)
        self.blobs.append(blob)

    @contextmanager
    def mounted(self, layout: Layout, scratch: Path) -> Iterator[tuple[Path, Path]]:
        """(root, upper): the stage's files, and where changes to them land. Needs a private mount namespace."""
        upper, work, root = (scratch / part for part in ("upper", "work", "root"))
        for folder in (upper, work, root):
            folder.mkdir(mode=0o755)
        lower = [str(layout.layer(diff_id)) for diff_id in reversed(self.diff_ids)]
        if not lower:
            empty = scratch / "empty"
            empty.mkdir(mode=0o755)
            lower = [str(empty)]
        mounts.overlay(str(root), list(dict.fromkeys(lower)), str(upper), str(work))
        try:
            yield root, upper
        finally:
            mounts.umount2(str(root), mounts.MNT_DETACH)
