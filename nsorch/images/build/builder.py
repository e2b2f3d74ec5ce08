"""A build from the first instruction to the finished image, inside the worker process."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nsorch.images.build.cache import BuildCache, CachedLayer
from nsorch.images.build.context import Context
from nsorch.images.build.errors import BuildError, at
from nsorch.images.build.instructions import Steps
from nsorch.images.build.parse import Instruction, parse
from nsorch.images.build.prepare import prepare
from nsorch.images.build.stage import DEFAULT_PATH, Stage
from nsorch.images.build.words import expand
from nsorch.images.config import (
    OCI_CONFIG,
    OCI_MANIFEST,
    Descriptor,
    DocumentError,
    History,
    ImageDocument,
    Manifest,
)
from nsorch.images.errors import ImageError
from nsorch.images.layout import CONTAINERD_NAME, REF_NAME, Layout
from nsorch.images.load import Loaded, host_architecture
from nsorch.images.pack import pack
from nsorch.images.reference import Reference
from nsorch.images.rooted import UnsafePath
from nsorch.images.unpack import UnpackError
from nsorch.kit.clock import rfc3339
from nsorch.linux import mounts, namespaces

NETWORK_VARIABLE = "NSORCH_BUILD_NETNS"
"""Path of a network namespace (``/proc/PID/ns/net``) for prepare.sh and RUN; the daemon's own without it."""
RECIPES = ("Containerfile", "Dockerfile")
MAX_RECIPE = 1024 * 1024
_FROM = re.compile(r"(\S+)(?:\s+as\s+([a-zA-Z0-9_.-]+))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What to build; paths are absolute."""

    context: Path
    file: Path | None
    references: tuple[str, ...]
    args: dict[str, str] = field(default_factory=dict)
    target: str = ""
    no_cache: bool = False

    @classmethod
    def from_plain(cls, data: dict[str, Any]) -> BuildRequest:
        return cls(
            Path(data["context"]),
            Path(data["file"]) if data["file"] else None,
            tuple(data["references"]),
            dict(data["args"]),
            data["target"],
            data["no_cache"],
        )


def build(layout: Layout, request: BuildRequest, progress: Callable[[str], None]) -> Loaded:
    """Build an image into the store; ``ImageError`` (ErrImageBuild) tells file and line of what failed."""
    _enter_build_network()
    namespaces.unshare(namespaces.CLONE_NEWNS)
    mounts.set_propagation("/", mounts.MS_PRIVATE)
    try:
        return _Build(layout, request, progress).run()
    except BuildError as error:
        raise ImageError("ErrImageBuild", f"cannot build {request.context}: {error}") from error


def _enter_build_network() -> None:
    """Fetch packages through the network that ``NSORCH_BUILD_NETNS`` names, if the daemon's own leads nowhere."""
    path = os.environ.get(NETWORK_VARIABLE)
    if not path:
        return
    try:
        with open(path, "rb") as namespace:
            namespaces.setns(namespace.fileno(), namespaces.CLONE_NEWNET)
    except OSError as error:
        raise ImageError("ErrImageBuild", f"cannot build in the network {NETWORK_VARIABLE}={path}: {error}") from error


class _Build:
    def __init__(self, layout: Layout, request: BuildRequest, progress: Callable[[str], None]) -> None:
        self.layout = layout
        self.request = request
        self.progress = progress
        file = _recipe_file(request)
        self.recipe = parse(_read(file), file.name)
        extra = prepare(layout, request.context, progress, again=request.no_cache)
        self.context = Context(request.context, extra)
        self.cache = BuildCache(layout)
        self.stages: list[Stage] = []
        self.global_args: dict[str, str] = {}
        self.latest = _epoch(request, self.context, file)

    def run(self) -> Loaded:
        total = len(self.recipe.instructions)
        for number, instruction in enumerate(self.recipe.instructions, 1):
            if instruction.keyword == "FROM" and self._target_reached():
                break
            self.progress(f"STEP {number}/{total}: {instruction.text}")
            try:
                self._step(instruction)
            except (BuildError, DocumentError, UnpackError, UnsafePath) as error:
                raise at(self.recipe.file, instruction.line, error) from error
            except OSError as error:
                what = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
                raise at(self.recipe.file, instruction.line, what) from error
        if self.request.target and not self._target_reached():
            names = ", ".join(stage.name for stage in self.stages if stage.name) or "none has a name"
            raise BuildError(f'no stage is called "{self.request.target}" (stages: {names})')
        return self._finish(self.stages[-1])

    def _target_reached(self) -> bool:
        target = self.request.target
        return bool(self.stages and target and target in (self.stages[-1].name, str(len(self.stages) - 1)))

    def _step(self, instruction: Instruction) -> None:
        if instruction.keyword == "FROM":
            self.stages.append(self._from(instruction))
        elif not self.stages:  # ARG before FROM
            name, equals, default = instruction.argument.partition("=")
            value = self.request.args.get(name, expand(default, self.global_args, self.recipe.escape) if equals else "")
            self.global_args[name] = value
        else:
            stage = self.stages[-1]
            change = Steps(self, stage).apply(instruction)
            if change is None:
                stage.history.append(History(instruction.text, rfc3339(self.latest), empty_layer=True))
                return
            self._layer(stage, instruction, *change)

    # Layers

    def _layer(self, stage: Stage, instruction: Instruction, key: str, work: Callable[[Path], None]) -> None:
        """Run ``work`` on the stage's mounted root and keep what it changed, or take both from the cache."""
        cached = None if self.request.no_cache else self.cache.get(key)
        if cached is None:
            cached = self._make(stage, work)
            self.cache.put(key, cached)
        else:
            self.progress(" -> cached")
        stage.history.append(History(instruction.text, rfc3339(self.latest), empty_layer=not cached.diff_id))
        if cached.diff_id:
            stage.add_layer(cached.diff_id, Descriptor(cached.media_type, cached.digest, cached.size))

    def _make(self, stage: Stage, work: Callable[[Path], None]) -> CachedLayer:
        with self.layout.scratch("step-") as scratch:
            with stage.mounted(self.layout, scratch) as (root, upper):
                work(root)
            packed = pack(upper, scratch / "layer.tar.gz", self.latest)
            if packed is None:
                return CachedLayer("", "", 0, "")
            if not self.layout.has_layer(packed.diff_id):
                self.layout.adopt_layer(upper, packed.diff_id, packed.info)
            self.layout.adopt_blob(scratch / "layer.tar.gz", packed.blob.digest)
            return CachedLayer(packed.diff_id, packed.blob.digest, packed.blob.size, packed.blob.media_type)

    # Stages

    def _from(self, instruction: Instruction) -> Stage:
        match = _FROM.fullmatch(instruction.argument)
        if not match:
            raise BuildError(f'write FROM IMAGE or FROM IMAGE AS NAME, not "{instruction.argument}"')
        image = expand(match[1], self.global_args, self.recipe.escape)
        name = (match[2] or "").lower()
        if not image:
            raise BuildError(f'"{match[1]}" is empty: give the ARG a value')
        if name and self.stage(name):
            raise BuildError(f'there is a stage called "{name}" already')
        if image == "scratch":
            return Stage.scratch(name)
        known = self.stage(image)
        stage = Stage.on_stage(name, known) if known else Stage.on_image(name, image, *self.image(image))
        stage.env.setdefault("PATH", DEFAULT_PATH)
        return stage

    def stage(self, name: str) -> Stage | None:
        """An earlier stage by its name or number."""
        for number, stage in enumerate(self.stages):
            if name.lower() == stage.name or name == str(number):
                return stage
        return None

    def image(self, reference: str) -> tuple[Manifest, ImageDocument]:
        """An image of the store, for FROM and ``COPY --from``."""
        try:
            wanted = Reference.parse(reference)
        except ImageError as error:
            raise BuildError(error.message) from error
        for entry in self.layout.read_index():
            names = (entry.annotations.get(CONTAINERD_NAME), entry.annotations.get(REF_NAME))
            if str(wanted) in names or (wanted.digest and wanted.digest == entry.digest):
                manifest = Manifest.parse(self.layout.read_blob(entry.digest))
                document = ImageDocument.parse(self.layout.read_blob(manifest.config.digest))
                missing = [diff_id for diff_id in document.diff_ids if not self.layout.has_layer(diff_id)]
                if missing:
                    raise BuildError(
                        f'image "{reference}" is damaged: layer {missing[0]} is missing; load or build it again'
                    )
                return manifest, document
        raise BuildError(
            f'image "{reference}" is not on this machine: build it first, or bring it with "nsorch image load FILE"'
        )

    def _finish(self, stage: Stage) -> Loaded:
        document = ImageDocument(
            config=stage.config(),
            diff_ids=tuple(stage.diff_ids),
            architecture=host_architecture(),
            created=rfc3339(self.latest),
            history=tuple(stage.history),
        )
        raw = document.to_bytes()
        config = Descriptor(OCI_CONFIG, self.layout.add_blob(raw), len(raw))
        raw = Manifest(config, tuple(stage.blobs)).to_bytes()
        manifest = Descriptor(OCI_MANIFEST, self.layout.add_blob(raw), len(raw))
        self.progress(f"built {Reference.parse(self.request.references[0]).familiar} {config.digest[7:19]}")
        return Loaded(manifest, self.request.references)


def _recipe_file(request: BuildRequest) -> Path:
    if not request.context.is_dir():
        raise BuildError("it is not a folder")
    if request.file:
        if not request.file.is_file():
            raise BuildError(f"{request.file} is not a file")
        return request.file
    for name in RECIPES:
        if (request.context / name).is_file():
            return request.context / name
    raise BuildError(f"it has no {RECIPES[0]}")


def _read(file: Path) -> str:
    raw = file.read_bytes()
    if len(raw) > MAX_RECIPE:
        raise BuildError(f"{file} is bigger than {MAX_RECIPE} bytes")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise BuildError(f"{file} is not UTF-8: {error}") from error


def _epoch(request: BuildRequest, context: Context, file: Path) -> int:
    """No file of the image is newer than this: SOURCE_DATE_EPOCH, else the newest file of the context and the recipe."""
    given = request.args.get("SOURCE_DATE_EPOCH") or os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        if not given.isdigit():
            raise BuildError(f'SOURCE_DATE_EPOCH must be a number of seconds, not "{given}"')
        return int(given)
    return max(context.newest(), int(file.stat().st_mtime))
