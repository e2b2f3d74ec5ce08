"""Building Containerfiles, for real: overlay, namespaces, cache."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nsorch.images.errors import ImageError
from nsorch.images.image import Image
from nsorch.images.store import ImageStore
from tests.support.netns import NetworkNamespace

ROOTFS = Path(__file__).parents[2] / "rootfs"


class Builder:
    """Builds into one store; ``said`` is what the last build reported."""

    def __init__(self, tmp_path: Path, store: Path) -> None:
        self.tmp_path = tmp_path
        self.root = store
        self.said: list[str] = []

    def build(self, text: str, files: Mapping[str, str] | None = None, **options: Any) -> Image:
        context = self.tmp_path / "context"
        context.mkdir(exist_ok=True)
        (context / "Containerfile").write_text(text)
        for name, content in (files or {}).items():
            (context / name).parent.mkdir(parents=True, exist_ok=True)
            (context / name).write_text(content)
        for path in (context, *context.rglob("*")):
            os.utime(path, (1_700_000_000, 1_700_000_000), follow_symlinks=False)
        return self.run(context, **{"tag": "built", **options})

    def run(self, context: Path, **options: Any) -> Image:
        async def work() -> Image:
            store = ImageStore(self.root)
            self.said = []
            image = await store.build(context, progress=self.said.append, **options)
            await store.close()
            return image

        return asyncio.run(work())

    def fails(self, text: str, files: Mapping[str, str] | None = None, **options: Any) -> str:
        with pytest.raises(ImageError) as caught:
            self.build(text, files, **options)
        assert caught.value.reason == "ErrImageBuild"
        assert os.listdir(self.root / "tmp") == []
        return caught.value.message

    @property
    def cached(self) -> int:
        return self.said.count(" -> cached")

    def read(self, image: Image, path: str) -> str:
        return self.find(image, path).read_text()

    def find(self, image: Image, path: str) -> Path:
        """The topmost layer's version of a path; whiteouts count as there."""
        for layer in image.layers:
            candidate = Path(layer) / path
            if os.path.lexists(candidate):
                return candidate
        raise FileNotFoundError(path)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that has busybox."""
    root = tmp_path_factory.mktemp("images")
    Builder(root, root / "store").run(ROOTFS / "busybox")
    return root / "store"


@pytest.fixture
def builder(tmp_path: Path, base: Path) -> Builder:
    shutil.copytree(base, tmp_path / "store", symlinks=True)
    return Builder(tmp_path, tmp_path / "store")


def test_every_instruction(builder: Builder) -> None:
    image = builder.build(
        "ARG BASE=busybox\n"
        "FROM $BASE AS app\n"
        "LABEL one=1 two='two words'\n"
        "ENV A=1 B=$A-2 PATH=/opt:$PATH\n"
        "ARG WHO=nobody\n"
        "WORKDIR /srv\n"
        "WORKDIR app\n"
        "COPY --chown=nobody:nogroup --chmod=640 data/ data/\n"
        "COPY one two* ./\n"
        'RUN echo "$WHO $A $(pwd) $(id -u) $$" > ran && \\\n'
        "    # a comment in the middle\n"
        "    rm /bin/yes\n"
        'RUN ["sh", "-c", "echo $0 > exec-form", "zero"]\n'
        "USER nobody\n"
        "RUN id -un > /tmp/me\n"
        "EXPOSE 80 53/udp\n"
        "VOLUME /data\n"
        "STOPSIGNAL SIGQUIT\n"
        'SHELL ["/bin/sh", "-ec"]\n'
        "ENTRYPOINT exec top\n"
        'CMD ["a", "b"]\n',
        {"data/deep/file": "d", "one": "1", "two1": "2", "two2": "3"},
        args={"WHO": "somebody"},
    )
    config = image.config
    assert config.labels == {"one": "1", "two": "two words"}
    assert dict(item.split("=", 1) for item in config.env) == {
        "A": "1",
        "B": "-2",  # variables of the same instruction are not seen yet
        "PATH": "/opt:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }
    assert (config.working_dir, config.user, config.stop_signal) == ("/srv/app", "nobody", "SIGQUIT")
    assert (config.exposed_ports, config.volumes) == (("53/udp", "80/tcp"), ("/data",))
    assert (config.entrypoint, config.cmd) == (("/bin/sh", "-ec", "exec top"), ("a", "b"))
    assert builder.read(image, "srv/app/ran") == "somebody 1 /srv/app 0 1\n"
    assert builder.read(image, "srv/app/exec-form") == "zero\n"
    assert builder.read(image, "tmp/me") == "nobody\n"
    gone = builder.find(image, "bin/yes").lstat()
    assert stat.S_ISCHR(gone.st_mode)
    assert gone.st_rdev == 0
    copied = builder.find(image, "srv/app/data/deep/file").stat()
    assert (copied.st_uid, copied.st_gid, stat.S_IMODE(copied.st_mode)) == (65534, 65534, 0o640)
    for name in ("one", "two1", "two2"):
        assert builder.find(image, f"srv/app/{name}").stat().st_uid == 0
    assert [step.created_by for step in image.history][-2:] == ["ENTRYPOINT exec top", 'CMD ["a", "b"]']
    assert len([step for step in image.history if not step.empty_layer]) == len(image.layers)
    # nothing of the sandbox stays behind
    for name in ("proc", "sys", "dev", "etc/resolv.conf", "etc/hosts"):
        with pytest.raises(FileNotFoundError):
            builder.find(image, name)


def test_the_second_build_runs_nothing(builder: Builder) -> None:
    text = "FROM busybox\nCOPY f /f\nRUN echo ran >> /log\nCOPY g /g\n"
    files = {"f": "1", "g": "1"}
    first = builder.build(text, files)
    assert builder.cached == 0
    assert builder.build(text, files) == first
    assert builder.cached == 3
    changed = builder.build(text, {"g": "2"})
    assert builder.cached == 2
    assert changed.id != first.id
    assert changed.layers[1:] == first.layers[1:]
    builder.build(text, {"f": "2"})
    assert builder.cached == 0
    builder.build(text, {"f": "2"}, no_cache=True)
    assert builder.cached == 0


def test_equal_recipes_give_equal_images(builder: Builder, tmp_path: Path) -> None:
    text = "FROM busybox\nCOPY . /app/\nRUN mkdir /made && echo x > /made/file && ln -s file /made/link\n"
    first = builder.build(text, {"a": "1"})
    again = builder.build(text, {"a": "1"}, no_cache=True)
    assert (first.id, first.digest) == (again.id, again.digest)
    dated = builder.build(text, {"a": "1"}, no_cache=True, args={"SOURCE_DATE_EPOCH": "86400"})
    assert dated.created == "1970-01-02T00:00:00Z"
    assert builder.find(dated, "made/file").stat().st_mtime == 86400


def test_the_sandbox_of_run(builder: Builder) -> None:
    image = builder.build(
        "FROM busybox\n"
        "RUN ls /proc | grep -c '^[0-9]' > /pids; hostname > /name; ls /dev > /devices; \\\n"
        "    cat /proc/self/status > /status; \\\n"
        "    (mknod /disk b 8 0 || echo refused) 2>/dev/null > /mknod; \\\n"
        "    (mount -t tmpfs x /tmp || echo refused) 2>/dev/null > /mount; \\\n"
        "    (echo b > /proc/sysrq-trigger || echo refused) 2>/dev/null > /sysrq; \\\n"
        "    test -s /etc/resolv.conf -o ! -s /etc/resolv.conf; grep -c . /proc/self/mountinfo > /mounts\n"
        "RUN --network=none ls /sys/class/net > /interfaces\n"
    )
    assert int(builder.read(image, "pids")) < 5
    assert builder.read(image, "name") == "build\n"
    assert set(builder.read(image, "devices").split()) >= {
        "null",
        "zero",
        "full",
        "random",
        "urandom",
        "tty",
        "pts",
        "shm",
    }
    for refused in ("mknod", "mount", "sysrq"):
        assert builder.read(image, refused) == "refused\n"
    assert builder.read(image, "interfaces").split() == ["lo"]
    assert "CapAmb:\t0000000000000000" in builder.read(image, "status")
    mounted = Path("/proc/self/mountinfo").read_text()
    assert str(builder.root) not in mounted


def test_cache_mounts_outlive_a_build_but_are_not_in_it(builder: Builder) -> None:
    text = (
        "FROM busybox\nARG N\n"
        "RUN --mount=type=cache,target=/var/cache/x cat /var/cache/x/* > /seen; echo $N > /var/cache/x/$N"
    )
    builder.build(text + "\n", args={"N": "1"}, tag="one")
    image = builder.build(text + " || true\n", args={"N": "2"}, tag="two")
    assert builder.read(image, "seen") == "1\n"
    assert list(builder.find(image, "var/cache/x").iterdir()) == []


def test_stages(builder: Builder) -> None:
    text = (
        "FROM busybox AS make\n"
        "RUN mkdir /out && echo made > /out/file && ln /out/file /out/twin && chown -R 7:8 /out\n"
        "FROM scratch AS final\n"
        "COPY --from=make /out/ /result/\n"
        "COPY --from=busybox /bin/busybo* /\n"
        "FROM final\n"
        "ENV X=1\n"
    )
    image = builder.build(text)
    assert builder.read(image, "result/file") == "made\n"
    assert builder.find(image, "result/file").stat().st_uid == 7
    assert builder.find(image, "result/twin").samefile(builder.find(image, "result/file"))
    assert builder.find(image, "busybox").stat().st_size > 100_000
    assert len(image.layers) == 2
    assert builder.build(text, target="make").layers[1:] != image.layers
    assert "no stage is called" in builder.fails(text, target="other")


def test_add_unpacks_archives_and_copy_does_not(builder: Builder, tmp_path: Path) -> None:
    context = tmp_path / "context"
    (context / "tree" / "sub").mkdir(parents=True)
    (context / "tree" / "sub" / "file").write_text("x")
    subprocess.run(
        ["tar", "-C", str(context / "tree"), "--owner=9", "--group=9", "-czf", str(context / "t.tgz"), "sub"],
        check=True,
    )
    image = builder.build("FROM busybox\nADD t.tgz /add/\nCOPY t.tgz /copy/\nADD Containerfile /plain/\n")
    assert builder.read(image, "add/sub/file") == "x"
    assert builder.find(image, "add/sub/file").stat().st_uid == 9
    assert builder.find(image, "copy/t.tgz").is_file()
    assert builder.find(image, "plain/Containerfile").is_file()


def test_a_copy_into_a_link_stays_inside(builder: Builder, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    image = builder.build(f"FROM busybox\nRUN ln -s {victim} /link\nCOPY f /link/f\n", {"f": "1"})
    assert list(victim.iterdir()) == []
    assert builder.read(image, f"{victim}/f".lstrip("/")) == "1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FROM nowhere:1\n", 'Containerfile:1: image "nowhere:1" is not on this machine'),
        ("FROM Busybox\n", "Containerfile:1: couldn't parse image name"),
        (
            "FROM busybox\n\nRUN echo one; echo two >&2; exit 7\n",
            "Containerfile:3: RUN failed with status 7: one / two",
        ),
        ('FROM busybox\nRUN ["nothing", "x"]\n', "Containerfile:2: RUN failed with status 127"),
        ("FROM busybox\nCOPY missing /\n", 'Containerfile:2: "missing" is not in the context'),
        ("FROM busybox\nCOPY ../../etc/passwd /\n", "Containerfile:2: "),
        ("FROM busybox\nCOPY only\n", "Containerfile:2: COPY needs a source and a destination"),
        ("FROM busybox\nCOPY Containerfile Containerfile /x\n", "several files need a folder"),
        ("FROM busybox\nCOPY --chown=ghost Containerfile /x\n", 'unknown user "ghost"'),
        ("FROM busybox\nCOPY --chmod=u+x Containerfile /x\n", "must be octal"),
        ("FROM busybox\nCOPY --from=ghost /a /b\n", 'image "ghost" is not on this machine'),
        ("FROM busybox\nCOPY --from=busybox /no-such /b\n", '"/no-such" is not in that image'),
        ("FROM busybox\nADD https://host.invalid/x /x\n", "only local files can be added"),
        ("FROM busybox\nUSER ghost\nRUN true\n", 'Containerfile:3: unknown user "ghost"'),
        ("FROM busybox\nEXPOSE 70000\n", '"70000" is not a port'),
        ("FROM busybox\nSTOPSIGNAL stop it\n", "is not a signal"),
        ("FROM busybox\nRUN --mount=type=secret,id=x true\n", "only type=cache"),
        ("FROM busybox\nENV A=${B\n", 'Containerfile:2: "${" is not closed'),
        ("FROM busybox\nCOPY Containerfile /bin\nWORKDIR /etc/passwd/x\n", "is not a folder"),
    ],
)
def test_mistakes_name_file_and_line(builder: Builder, text: str, message: str) -> None:
    assert message in builder.fails(text)


def test_a_context_that_cannot_be_built(builder: Builder, tmp_path: Path) -> None:
    for path, message in ((tmp_path / "none", "it is not a folder"), (tmp_path, "it has no Containerfile")):
        with pytest.raises(ImageError, match=message):
            builder.run(path, tag="x")


def test_prepare_runs_once_and_feeds_the_context(builder: Builder, tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    script = context / "prepare.sh"
    script.write_text(f"#!/bin/sh\necho run >> {tmp_path}/runs\necho preparing\necho made > $1/made\n")
    script.chmod(0o755)
    text = "FROM busybox\nCOPY made /made\n"
    image = builder.build(text)
    assert "preparing" in builder.said
    assert builder.read(image, "made") == "made\n"
    assert builder.build(text).layers == image.layers
    assert (tmp_path / "runs").read_text() == "run\n"
    script.write_text("#!/bin/sh\necho no network >&2\nexit 3\n")
    assert "prepare.sh failed with status 3" in builder.fails(text)


def test_prune_keeps_what_has_a_name(builder: Builder) -> None:
    kept = builder.build("FROM busybox\nRUN echo kept > /kept\n", tag="kept")
    builder.build("FROM busybox\nRUN echo gone > /gone\n", tag="gone")

    async def work() -> None:
        store = ImageStore(builder.root)
        await store.collect()
        await store.remove("gone")
        await store.close()
        layers = store.layout.layers
        before = len(os.listdir(layers))
        await store.prune()
        assert len(os.listdir(layers)) < before
        assert {image.familiar for image in store.list()} == {"kept:latest", "busybox:latest"}
        await store.close()

    asyncio.run(work())
    assert builder.read(kept, "kept") == "kept\n"
    builder.build("FROM busybox\nRUN echo gone > /gone\n", tag="gone")
    assert builder.cached == 0


def test_cancelling_a_build_ends_its_processes(builder: Builder, tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Containerfile").write_text("FROM busybox\nRUN echo begun; sleep 12345\n")

    async def work() -> None:
        store = ImageStore(builder.root)
        begun = asyncio.Event()

        def progress(text: str) -> None:
            if text == "begun":
                begun.set()

        task = asyncio.create_task(store.build(context, tag="x", progress=progress))
        await asyncio.wait_for(begun.wait(), 30)
        # the shell whose command line has it, and perhaps already the sleep that it starts
        sleepers = [pid for pid in os.listdir("/proc") if pid.isdigit() and b"sleep 12345" in _words(pid)]
        pidfds = [os.pidfd_open(int(pid)) for pid in sleepers]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        loop = asyncio.get_running_loop()
        for fd in pidfds:
            ended = asyncio.Event()
            loop.add_reader(fd, ended.set)
            await asyncio.wait_for(ended.wait(), 10)
            loop.remove_reader(fd)
            os.close(fd)
        assert pidfds
        await store.close()

    asyncio.run(work())


def _words(pid: str) -> bytes:
    """The command line of a process, words apart."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    except OSError:
        return b""


def test_the_network_of_builds_can_be_another_than_the_daemons(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "FROM busybox\nRUN readlink /proc/self/ns/net > /net\n"
    with NetworkNamespace() as namespace:
        monkeypatch.setenv("NSORCH_BUILD_NETNS", namespace.path)
        image = builder.build(text)
        assert builder.read(image, "net").strip() == os.readlink(namespace.path)
    assert "cannot build in the network" in builder.fails(text)
