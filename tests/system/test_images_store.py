"""The store: loading, names, removal, what Pods use, and what a kill leaves."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from nsorch.images.errors import ImageError
from nsorch.images.image import Image
from nsorch.images.store import ImageStore
from tests.support.layers import config, digest, docker_archive, entry, folder, oci_files, tar, write_archive

BASE = tar(folder("etc"), entry("etc/name", b"base"), folder("bin"), entry("bin/tool", b"tool", mode=0o755))
TOP = tar(folder("etc"), entry("etc/.wh.name"), entry("etc/top", b"top"))


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(work())


@asynccontextmanager
async def opened(root: Path) -> AsyncIterator[ImageStore]:
    store = ImageStore(root)
    try:
        yield store
    finally:
        await store.close()


def files_below(store: ImageStore) -> tuple[set[str], set[str], list[str]]:
    """(blobs, layers, rubbish) on disk."""
    layout = store.layout
    layers = {name for name in os.listdir(layout.layers) if not name.endswith(".json")}
    return set(os.listdir(layout.blobs)), layers, os.listdir(layout.tmp)


def on_disk(image: Image) -> bool:
    return all(os.path.isdir(layer) for layer in image.layers)


async def refused(work: Awaitable[object]) -> ImageError:
    with pytest.raises(ImageError) as caught:
        await work
    return caught.value


def test_docker_archive(tmp_path: Path) -> None:
    async def work() -> None:
        archive = docker_archive(
            tmp_path / "image.tar",
            [BASE, TOP],
            ["demo:1", "registry.example/demo:one"],
            Env=["A=1"],
            Cmd=["/bin/tool"],
            Entrypoint=["/init"],
            WorkingDir="/etc",
            User="1000:1000",
            StopSignal="SIGQUIT",
            ExposedPorts={"80/tcp": {}},
            Labels={"l": "v"},
            Volumes={"/data": {}},
        )
        async with opened(tmp_path / "store") as store:
            seen: list[Image] = []
            store.subscribe(seen.append)
            said: list[str] = []
            (image,) = await store.load(archive, progress=said.append)
            assert said
            assert seen == [image] == store.list()
            assert image.references == ("docker.io/library/demo:1", "registry.example/demo:one")
            assert store.find("demo:1") is store.find("registry.example/demo:one") is store.find(image.id) is image
            assert store.find(f"demo@{image.digest}") is image
            assert store.find("demo") is None
            top, base = (Path(layer) for layer in image.layers)
            assert (base / "bin" / "tool").read_bytes() == b"tool"
            assert (top / "etc" / "top").read_bytes() == b"top"
            settings = image.config
            assert (settings.entrypoint, settings.cmd, settings.env) == (("/init",), ("/bin/tool",), ("A=1",))
            assert (settings.working_dir, settings.user, settings.stop_signal) == ("/etc", "1000:1000", "SIGQUIT")
            assert (settings.exposed_ports, settings.labels, settings.volumes) == (("80/tcp",), {"l": "v"}, ("/data",))
            assert image.size == len(b"base") + len(b"tool") + len(b"top")
            shown = store.inspect("demo:1")
            assert [layer["diffID"] for layer in shown["layers"]] == [digest(BASE), digest(TOP)]
            assert json.dumps(shown)
        async with opened(tmp_path / "store") as again:
            assert again.list() == [image]

    run(work)


def test_oci_archive_and_layout_give_the_same_image(tmp_path: Path) -> None:
    async def work() -> None:
        files = oci_files([BASE, TOP], "demo:2", Cmd=["x"])
        archive = write_archive(tmp_path / "oci.tar", files)
        packed = tmp_path / "oci.tar.gz"
        packed.write_bytes(gzip.compress(archive.read_bytes()))
        layout = tmp_path / "layout"
        for name, data in files.items():
            (layout / name).parent.mkdir(parents=True, exist_ok=True)
            (layout / name).write_bytes(data)
        found = set()
        for number, path in enumerate((archive, packed, layout)):
            async with opened(tmp_path / f"store{number}") as store:
                (image,) = await store.load(path)
                assert image.references == ("docker.io/library/demo:2",)
                found.add((image.id, image.digest))
        assert len(found) == 1
        # what the store writes is itself an OCI layout
        async with opened(tmp_path / "copy") as copy:
            (image,) = await copy.load(tmp_path / "store0")
            assert {(image.id, image.digest)} == found

    run(work)


def test_an_archive_without_a_name_needs_a_tag(tmp_path: Path) -> None:
    async def work() -> None:
        archive = write_archive(tmp_path / "a.tar", oci_files([BASE], "latest"))
        async with opened(tmp_path / "store") as store:
            error = await refused(store.load(archive))
            assert "has no name" in error.message
            (image,) = await store.load(archive, tag="mine")
            assert image.familiar == "mine:latest"

    run(work)


def broken(files: dict[str, bytes], kind: str) -> dict[str, bytes]:
    """One kind of damage."""
    files = dict(files)
    index = json.loads(files["index.json"])
    manifest_name = "blobs/sha256/" + index["manifests"][0]["digest"][7:]
    manifest = json.loads(files[manifest_name])
    layer = "blobs/sha256/" + manifest["layers"][0]["digest"][7:]
    if kind == "blob changed":
        files[layer] = files[layer][:50] + b"\0\0\0" + files[layer][53:]
    elif kind == "blob missing":
        del files[layer]
    elif kind == "no index":
        del files["index.json"]
    elif kind == "index no JSON":
        files["index.json"] = b"{"
    elif kind == "index deep":
        files["index.json"] = b"[" * 100_000
    elif kind == "digest a path":
        index["manifests"][0]["digest"] = "sha256:../../../../etc/passwd"
        files["index.json"] = json.dumps(index).encode()
    elif kind == "wrong diff id":
        raw = config([b"other"])
        files.update(oci_files([BASE], "demo"))
        manifest["config"] = {"mediaType": "x", "digest": digest(raw), "size": len(raw)}
        new = json.dumps(manifest).encode()
        index["manifests"][0].update(digest=digest(new), size=len(new))
        files["index.json"] = json.dumps(index).encode()
        files["blobs/sha256/" + digest(new)[7:]] = new
        files["blobs/sha256/" + digest(raw)[7:]] = raw
    elif kind == "bad name":
        index["manifests"][0]["annotations"] = {"org.opencontainers.image.ref.name": "Not/A Name:x"}
        files["index.json"] = json.dumps(index).encode()
    elif kind == "other machine":
        inner = json.dumps(
            {"manifests": [{**index["manifests"][0], "platform": {"os": "linux", "architecture": "s390x"}}]}
        ).encode()
        files["blobs/sha256/" + digest(inner)[7:]] = inner
        index["manifests"] = [
            {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": digest(inner), "size": len(inner)}
        ]
        files["index.json"] = json.dumps(index).encode()
    return files


@pytest.mark.parametrize(
    "kind",
    [
        "blob changed",
        "blob missing",
        "no index",
        "index no JSON",
        "index deep",
        "digest a path",
        "wrong diff id",
        "bad name",
        "other machine",
    ],
)
def test_damaged_archives_leave_nothing(tmp_path: Path, kind: str) -> None:
    async def work() -> None:
        archive = write_archive(tmp_path / "a.tar", broken(oci_files([BASE], "demo:1"), kind))
        async with opened(tmp_path / "store") as store:
            await store.collect()
            error = await refused(store.load(archive))
            assert error.reason == "ErrImageLoad"
            assert str(archive) in error.message
            assert "Traceback" not in error.message
            assert store.list() == []
            await store.collect()
            assert files_below(store) == (set(), set(), [])

    run(work)


def test_truncated_and_hostile_archives_leave_nothing(tmp_path: Path) -> None:
    async def work() -> None:
        good = docker_archive(tmp_path / "a.tar", [BASE, TOP], ["demo:1"]).read_bytes().rstrip(b"\0")
        hostile = tar(entry("../../evil", b"x"))
        bad = [good[: len(good) * part // 7] for part in range(7)]
        bad.append(docker_archive(tmp_path / "b.tar", [BASE, hostile], ["demo:1"]).read_bytes())
        bad.append(tar(entry("manifest.json", b"[]")))
        bad.append(tar(entry("manifest.json", b'[{"Config": "../../../etc/passwd", "Layers": []}]')))
        bad.append(tar(entry("manifest.json", b'{"Config": 1}')))
        bad.append(os.urandom(10_000))
        async with opened(tmp_path / "store") as store:
            await store.collect()
            for number, raw in enumerate(bad):
                path = tmp_path / f"bad{number}.tar"
                path.write_bytes(raw)
                error = await refused(store.load(path))
                assert error.reason == "ErrImageLoad"
            await refused(store.load(tmp_path / "missing.tar"))
            await refused(store.load(Path("/dev/zero")))
            await store.collect()
            assert store.list() == []
            assert files_below(store) == (set(), set(), [])

    run(work)


def test_ensure_says_what_to_do(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path / "store") as store:
            missing = await refused(store.ensure("web:v3", "IfNotPresent"))
            assert missing.reason == "ErrImagePull"
            assert "nsorch image build" in missing.message
            assert "nsorch image load" in missing.message
            assert (await refused(store.ensure("web:v3", "Never"))).reason == "ErrImageNeverPull"
            assert (await refused(store.ensure("Web:v3", "Always"))).reason == "InvalidImageName"
            (image,) = await store.load(docker_archive(tmp_path / "a.tar", [BASE], ["web:v3"]))
            assert await store.ensure("web:v3", "Always") is image

    run(work)


def test_removal_spares_what_is_shared_or_used(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path / "store") as store:
            await store.collect()
            (one,) = await store.load(docker_archive(tmp_path / "1.tar", [BASE], ["one:1"]))
            (two,) = await store.load(docker_archive(tmp_path / "2.tar", [BASE, TOP], ["two:1"]))
            assert two.layers[1] == one.layers[0]
            store.use("uid-1", two.id, "default/pod")

            error = await refused(store.remove("two:1"))
            assert error.reason == "ErrImageInUse"
            assert "default/pod" in error.message
            assert await store.remove("one:1") == ["docker.io/library/one:1", one.id]
            await store.close()
            assert on_disk(two)

            assert await store.remove("two:1", force=True) == ["docker.io/library/two:1"]
            await store.close()
            assert store.find("two:1") is None
            assert store.find(two.id) is not None
            assert on_disk(two)

            store.release("uid-1")
            await store.close()
            assert store.list() == []
            assert files_below(store) == (set(), set(), [])
            assert (await refused(store.remove("two:1"))).reason == "ErrImagePull"

    run(work)


def test_a_nameless_image_in_use_survives_a_restart(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path / "store") as store:
            (image,) = await store.load(docker_archive(tmp_path / "1.tar", [BASE], ["one:1"]))
            store.use("uid", image.id)
            await store.remove("one:1", force=True)
        async with opened(tmp_path / "store") as store:
            assert store.find(image.id) is not None
            await store.load(docker_archive(tmp_path / "2.tar", [TOP], ["two:1"]))
            store.use("uid", image.id)  # the Pod is adopted
            await store.collect()
            assert on_disk(image)
            store.release("uid")
            await store.close()
            assert store.find(image.id) is None

    run(work)


def test_a_name_moves_to_the_newer_image(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path / "store") as store:
            (old,) = await store.load(docker_archive(tmp_path / "1.tar", [BASE], ["app:1"]))
            (new,) = await store.load(docker_archive(tmp_path / "2.tar", [TOP], ["app:1"]))
            assert store.find("app:1") is new
            assert store.find(old.id) == old.named(())
            await store.tag(new.id, "app:stable")
            assert await store.remove("app:1") == ["docker.io/library/app:1"]
            assert store.find("app:stable") is not None
            await store.collect()
            assert store.find(old.id) is None
            assert await store.remove(new.id) == ["docker.io/library/app:stable", new.id]

    run(work)


def test_many_at_once(tmp_path: Path) -> None:
    async def work() -> None:
        layers = [tar(entry("number", str(number).encode())) for number in range(3)]
        archives = [
            docker_archive(tmp_path / f"{number}.tar", [BASE, layer], [f"app:{number}"])
            for number, layer in enumerate(layers)
        ]
        async with opened(tmp_path / "store") as store:
            await store.collect()
            await asyncio.gather(
                *(store.load(archive) for archive in archives), store.collect(), store.load(archives[0])
            )
            assert [image.familiar for image in store.list()] == ["app:0", "app:1", "app:2"]
            await asyncio.gather(*(store.remove(f"app:{number}") for number in range(3)))
            await store.close()
            assert files_below(store) == (set(), set(), [])

    run(work)


def test_a_killed_worker_leaves_a_working_store(tmp_path: Path) -> None:
    async def work() -> None:
        big = tar(*(entry(f"file{number}", os.urandom(2_000)) for number in range(3_000)))
        archive = docker_archive(tmp_path / "a.tar", [BASE, big], ["demo:1"])
        async with opened(tmp_path / "store") as store:
            children = Path(f"/proc/self/task/{os.getpid()}/children")

            def kill(said: str) -> None:
                if "layer 2/2" in said:
                    for pid in map(int, children.read_text().split()):
                        if b"nsorch.images.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                            os.kill(pid, signal.SIGKILL)

            error = await refused(store.load(archive, progress=kill))
            assert "worker process died" in error.message
            assert store.list() == []
        async with opened(tmp_path / "store") as store:
            await store.collect()
            assert files_below(store) == (set(), set(), [])
            (image,) = await store.load(archive)
            assert len(os.listdir(image.layers[0])) == 3_000

    run(work)


def test_cancelling_a_load_ends_it(tmp_path: Path) -> None:
    async def work() -> None:
        big = tar(*(entry(f"file{number}", b"x") for number in range(3_000)))
        archive = docker_archive(tmp_path / "a.tar", [big], ["demo:1"])
        async with opened(tmp_path / "store") as store:
            started = asyncio.Event()
            task = asyncio.create_task(store.load(archive, progress=lambda _: started.set()))
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await store.collect()
            assert store.list() == []

    run(work)


def test_damage_on_disk_is_reported_not_fatal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        async with opened(tmp_path / "store") as store:
            (one,) = await store.load(docker_archive(tmp_path / "1.tar", [BASE], ["one:1"]))
            (two,) = await store.load(docker_archive(tmp_path / "2.tar", [TOP], ["two:1"]))
        shutil.rmtree(one.layers[0])
        async with opened(tmp_path / "store") as store:
            assert store.list() == [two]
            assert "one:1" in caplog.text
            await store.load(tmp_path / "1.tar")
            assert len(store.list()) == 2
        (tmp_path / "store" / "index.json").write_text("{")
        async with opened(tmp_path / "store") as store:
            assert store.list() == []
            assert "index unreadable" in caplog.text

    run(work)


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")
def test_skopeo_reads_the_store_and_the_store_reads_skopeo(tmp_path: Path) -> None:
    def skopeo(source: str, target: str) -> None:
        subprocess.run(
            ["skopeo", "copy", "--insecure-policy", "-q", source, target], check=True, timeout=60, capture_output=True
        )

    async def work() -> None:
        async with opened(tmp_path / "store") as store:
            (image,) = await store.load(docker_archive(tmp_path / "a.tar", [BASE, TOP], ["demo:1"]))
        source = f"oci:{tmp_path / 'store'}:docker.io/library/demo:1"
        for kind in ("docker-archive", "oci-archive"):
            skopeo(source, f"{kind}:{tmp_path / kind}.tar:docker.io/library/demo:1")
            async with opened(tmp_path / f"store-{kind}") as other:
                (copy,) = await other.load(tmp_path / f"{kind}.tar")
                assert (copy.id, copy.references) == (image.id, image.references)

    run(work)
