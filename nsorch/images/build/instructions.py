"""What each instruction does to a stage; those that change files answer with a cache key and the work."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from nsorch.images.build import sandbox, users, words
from nsorch.images.build.cache import BuildCache
from nsorch.images.build.context import Context
from nsorch.images.build.copy import Rules, copy, from_context, from_tree
from nsorch.images.build.errors import BuildError
from nsorch.images.build.parse import Instruction, Recipe
from nsorch.images.build.stage import DEFAULT_PATH, DEFAULT_SHELL, Stage
from nsorch.images.config import ImageDocument, Manifest
from nsorch.images.layout import Layout
from nsorch.images.load import host_architecture
from nsorch.images.rooted import RootedFolder

Change = tuple[str, Callable[[Path], None]]
"""Cache key, and what to do with the mounted root."""

PROXY_ARGS = frozenset(f"{name}_proxy" for name in ("http", "https", "ftp", "no", "all"))
PREDEFINED_ARGS = PROXY_ARGS | {name.upper() for name in PROXY_ARGS} | {"SOURCE_DATE_EPOCH"}
"""May be given without being declared; seen by RUN, not part of the cache key."""
_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?")
_SIGNAL = re.compile(r"(?:SIG)?[A-Z][A-Z0-9+-]*|\d{1,2}")
_ARG = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class BuildRequestView(Protocol):
    @property
    def args(self) -> dict[str, str]: ...


class Build(Protocol):
    """What instructions need of the build that they are part of."""

    layout: Layout
    recipe: Recipe
    context: Context
    global_args: dict[str, str]
    progress: Callable[[str], None]

    @property
    def request(self) -> BuildRequestView: ...
    def stage(self, name: str) -> Stage | None: ...
    def image(self, reference: str) -> tuple[Manifest, ImageDocument]: ...


class Steps:
    """The instructions of one stage."""

    def __init__(self, build: Build, stage: Stage) -> None:
        self.build = build
        self.stage = stage

    def apply(self, instruction: Instruction) -> Change | None:
        """Do ``instruction``: change the config at once; for a change of files, the key and the work."""
        handler: Callable[[Instruction], Change | None] = getattr(self, "_" + instruction.keyword.lower())
        return handler(instruction)

    def _expand(self, text: str) -> str:
        return words.expand(text, self.stage.variables, self.build.recipe.escape)

    def _words(self, instruction: Instruction) -> list[str]:
        parts = instruction.items
        if parts is None:
            parts = tuple(words.split(instruction.argument, self.build.recipe.escape))
        return [word for part in parts if (word := self._expand(part))]

    def _assignments(self, instruction: Instruction) -> list[tuple[str, str]]:
        return words.assignments(instruction.argument, self.stage.variables, self.build.recipe.escape)

    # Config

    def _env(self, instruction: Instruction) -> None:
        self.stage.env.update(self._assignments(instruction))

    def _label(self, instruction: Instruction) -> None:
        self.stage.labels.update(self._assignments(instruction))

    def _maintainer(self, instruction: Instruction) -> None:
        self.stage.labels["maintainer"] = instruction.argument

    def _arg(self, instruction: Instruction) -> None:
        for word in words.split(instruction.argument, self.build.recipe.escape):
            name, equals, default = word.partition("=")
            if not _ARG.fullmatch(name):
                raise BuildError(f'"{name}" is not the name of a variable')
            given = self.build.request.args.get(name, self.build.global_args.get(name, _platform_args().get(name)))
            if equals and name not in self.build.request.args:
                given = self._expand(default)
            if given is not None:
                self.stage.args[name] = given

    def _user(self, instruction: Instruction) -> None:
        self.stage.user = self._expand(instruction.argument)

    def _stopsignal(self, instruction: Instruction) -> None:
        signal = self._expand(instruction.argument)
        if not _SIGNAL.fullmatch(signal):
            raise BuildError(f'"{signal}" is not a signal: write a name such as SIGQUIT or a number')
        self.stage.stop_signal = signal

    def _expose(self, instruction: Instruction) -> None:
        for word in self._words(instruction):
            match = _PORT.fullmatch(word.lower())
            first = int(match[1]) if match else 0
            last = int(match[2] or match[1]) if match else 0
            if not match or not 0 < first <= last <= 65535:
                raise BuildError(f'"{word}" is not a port: write PORT, FIRST-LAST or PORT/udp, up to 65535')
            self.stage.ports.update(dict.fromkeys(f"{port}/{match[3] or 'tcp'}" for port in range(first, last + 1)))

    def _volume(self, instruction: Instruction) -> None:
        self.stage.volumes.update(dict.fromkeys(self._words(instruction)))

    def _shell(self, instruction: Instruction) -> None:
        self.stage.shell = instruction.items or ()

    def _cmd(self, instruction: Instruction) -> None:
        self.stage.cmd = self._command(instruction)
        self.stage.cmd_is_own = True

    def _entrypoint(self, instruction: Instruction) -> None:
        self.stage.entrypoint = self._command(instruction)
        if not self.stage.cmd_is_own:
            self.stage.cmd = ()

    def _healthcheck(self, instruction: Instruction) -> None:
        self.build.progress(" -> ignored: Kubernetes asks probes, which are part of the Pod")

    def _command(self, instruction: Instruction) -> tuple[str, ...]:
        if instruction.items is not None:
            return instruction.items
        return (*(self.stage.shell or DEFAULT_SHELL), instruction.argument)

    # Files

    def _workdir(self, instruction: Instruction) -> Change:
        path = self.stage.absolute(self._expand(instruction.argument)).rstrip("/") or "/"
        self.stage.working_dir = path
        identity = self.stage.user

        def work(root: Path) -> None:
            tree = RootedFolder(str(root))
            owner = users.resolve(identity, str(root)) if identity else users.Identity()
            parts = tuple(part for part in path.split("/") if part)
            for depth in range(1, len(parts) + 1):
                if not os.path.lexists(tree.entry(parts[:depth])):
                    os.lchown(tree.folder(parts[:depth]), owner.uid, owner.gid)
            tree.folder(parts)

        return BuildCache.key("WORKDIR", self.stage.diff_ids, path, identity), work

    def _copy(self, instruction: Instruction) -> Change:
        return self._transfer(instruction, extract=False)

    def _add(self, instruction: Instruction) -> Change:
        return self._transfer(instruction, extract=True)

    def _transfer(self, instruction: Instruction, *, extract: bool) -> Change:
        *patterns, written = self._words(instruction) or [""]
        if not patterns:
            raise BuildError(f"{instruction.keyword} needs a source and a destination")
        for pattern in patterns:
            if re.match(r"[a-z+]+://|git@", pattern):
                raise BuildError(f'"{pattern}": only local files can be added; fetch it in prepare.sh or with RUN')
        destination = self.stage.absolute(written)
        chown = self._expand(instruction.flag("chown"))
        chmod = _mode(self._expand(instruction.flag("chmod")))
        origin = self._expand(instruction.flag("from"))
        covered: object
        if origin:
            covered = [origin, source_layers := self._layers(origin), patterns]
        else:
            paths = [path for pattern in patterns for path in self.build.context.match(pattern)]
            covered = [paths, self.build.context.digest(paths)]

        def work(root: Path) -> None:
            tree = RootedFolder(str(root))
            given = users.resolve(chown, str(root)) if chown else None
            rules = Rules(given if given or origin else users.Identity(), chmod, archive_owner=given)
            if not origin:
                sources = from_context(self.build.context, paths)
                copy(sources, tree, destination, rules, extract=extract)
                return
            donor = Stage("", origin, diff_ids=list(source_layers))
            with self.build.layout.scratch("from-") as scratch, donor.mounted(self.build.layout, scratch) as (other, _):
                found = [source for pattern in patterns for source in from_tree(RootedFolder(str(other)), pattern)]
                copy(found, tree, destination, rules)

        key = BuildCache.key(instruction.keyword, self.stage.diff_ids, destination, chown, chmod, covered)
        return key, work

    def _layers(self, origin: str) -> list[str]:
        known = self.build.stage(origin)
        if known is self.stage:
            raise BuildError(f'a stage cannot copy from itself ("{origin}")')
        return list(known.diff_ids) if known else list(self.build.image(origin)[1].diff_ids)

    def _run(self, instruction: Instruction) -> Change:
        argv = self._command(instruction)
        stage = self.stage
        env = {"PATH": DEFAULT_PATH, **stage.args, **stage.env}
        hidden = {name: value for name, value in self.build.request.args.items() if name in PREDEFINED_ARGS}
        caches = [self._cache_mount(text) for text in instruction.flags.get("mount", ())]
        network = instruction.flag("network") or "default"
        if network not in ("default", "host", "none"):
            raise BuildError(f'--network={network}: must be "default" (the host\'s) or "none"')
        cwd, user = stage.working_dir or "/", stage.user

        def work(root: Path) -> None:
            identity = users.resolve(user, str(root)) if user else users.Identity()
            command = sandbox.Command(
                argv=argv,
                env={"HOME": identity.home, **hidden, **env},
                cwd=cwd,
                identity=identity,
                binds=caches,
                network=network != "none",
            )
            last: list[str] = []

            def output(line: str) -> None:
                self.build.progress(line)
                last[:] = [*last[-2:], line]

            status = sandbox.run(str(root), command, output)
            if status != 0:
                how = f"was killed by signal {-status}" if status < 0 else f"failed with status {status}"
                said = f": {' / '.join(line.strip() for line in last if line.strip())}" if last else ""
                raise BuildError(f"RUN {how}{said}")

        mount_flags = instruction.flags.get("mount", [])
        return BuildCache.key("RUN", stage.diff_ids, argv, env, cwd, user, network, mount_flags), work

    def _cache_mount(self, text: str) -> sandbox.Bind:
        """``type=cache,target=PATH[,id=NAME][,sharing=shared|locked]``; without ``sharing`` builds take turns."""
        options = dict(item.partition("=")[::2] for item in self._expand(text).split(","))
        target = options.get("target") or options.get("dst") or options.get("destination")
        sharing = options.get("sharing", "locked")
        if options.get("type") != "cache" or not target or sharing not in ("shared", "locked"):
            raise BuildError(
                f"--mount={text}: only type=cache,target=PATH[,id=NAME][,sharing=shared|locked] is supported"
            )
        path = posixpath.normpath(self.stage.absolute(target))
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", options.get("id") or path.strip("/"))
        folder = self.build.layout.build / "mounts" / f"cache-{name}"
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        return sandbox.Bind(str(folder), path, locked=sharing == "locked")


def _mode(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-7]{3,4}", text):
        raise BuildError(f"--chmod={text}: must be octal, such as 755 or 0644")
    return int(text, 8)


def _platform_args() -> dict[str, str]:
    architecture = host_architecture()
    return {
        f"{side}{name}": value
        for side in ("TARGET", "BUILD")
        for name, value in (("PLATFORM", f"linux/{architecture}"), ("OS", "linux"), ("ARCH", architecture))
    }
