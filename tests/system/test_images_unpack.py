"""Layers become folders for overlayfs, and hostile ones become errors."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest

from nsorch.images.layout import Layout
from nsorch.images.pack import pack
from nsorch.images.unpack import OPAQUE_XATTR, Limits, UnpackError, unpack
from tests.support.layers import digest, entry, folder, link, tar


@pytest.fixture
def root(tmp_path: Path) -> Path:
    target = tmp_path / "root"
    target.mkdir()
    return target


def put(root: Path, *entries: tuple[tarfile.TarInfo, bytes], limits: Limits | None = None) -> None:
    unpack(io.BytesIO(tar(*entries)), str(root), limits=limits)


def is_whiteout(path: Path) -> bool:
    found = path.lstat()
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == 0


def test_attributes_are_kept(root: Path) -> None:
    capability = b"\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    headers = {
        "SCHILY.xattr.security.capability": capability.decode("utf-8", "surrogateescape"),
        "SCHILY.xattr.user.note": "hello",
        "mtime": "1234567890.123456789",
    }
    put(
        root,
        folder("etc", uid=3, gid=4, mode=0o1750, mtime=1_000_000_000),
        entry("etc/tool", b"content", uid=1000, gid=1001, mode=0o4755, pax_headers=headers),
        link("etc/alias", "/etc/tool"),
        link("etc/twin", "etc/tool", hard=True),
        entry("run/pipe", type=tarfile.FIFOTYPE),
    )
    tool = root / "etc" / "tool"
    found = tool.stat()
    assert tool.read_bytes() == b"content"
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1000, 1001, 0o4755)
    assert found.st_mtime_ns == 1234567890_123456789
    assert os.getxattr(tool, "security.capability") == capability
    assert os.getxattr(tool, "user.note") == b"hello"
    assert os.readlink(root / "etc" / "alias") == "/etc/tool"
    assert (root / "etc" / "twin").samefile(tool)
    assert stat.S_ISFIFO((root / "run" / "pipe").stat().st_mode)
    etc = (root / "etc").stat()
    assert (etc.st_uid, etc.st_gid, stat.S_IMODE(etc.st_mode), etc.st_mtime) == (3, 4, 0o1750, 1_000_000_000)


def test_whiteouts_become_overlay_marks(root: Path) -> None:
    put(
        root,
        entry("a/.wh.gone"),
        folder("b"),
        entry("b/.wh..wh..opq"),
        entry("b/new", b"n"),
        entry(".wh.c"),  # the folder c of a lower layer is hidden, and there is a new one
        folder("c"),
        folder("d"),
        entry("d/inside", b"x"),
        entry(".wh.d"),
        entry(".wh..wh.plnk"),
    )
    assert is_whiteout(root / "a" / "gone")
    for name in ("b", "c", "d"):
        assert os.getxattr(root / name, OPAQUE_XATTR) == b"y"
    assert (root / "d" / "inside").read_bytes() == b"x"
    assert sorted(os.listdir(root)) == ["a", "b", "c", "d"]


def test_the_last_entry_of_a_name_wins(root: Path) -> None:
    put(root, folder("x"), entry("x/y", b"1"), entry("x", b"2"), entry("z", b"3"), folder("z"), entry("z/w", b"4"))
    assert (root / "x").read_bytes() == b"2"
    assert (root / "z" / "w").read_bytes() == b"4"


def test_links_are_followed_inside_only(root: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    put(
        root,
        link("abs", str(victim)),
        entry("abs/file", b"x"),
        link("up", "../../../../../.." + str(victim)),
        entry("up/other", b"y"),
    )
    assert list(victim.iterdir()) == []
    assert (root / str(victim)[1:] / "file").read_bytes() == b"x"
    assert (root / str(victim)[1:] / "other").read_bytes() == b"y"


def test_a_replaced_folder_does_not_lead_outside(root: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (victim / "b").mkdir(parents=True)
    before = (victim / "b").stat().st_mtime_ns
    put(root, folder("a"), folder("a/b", mtime=5), link("a", str(victim)), entry("a/b/file", b"x"))
    assert (victim / "b").stat().st_mtime_ns == before
    assert list((victim / "b").iterdir()) == []


def test_a_file_is_never_written_through_a_link(root: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("safe")
    put(root, link("file", str(victim)), entry("file", b"overwritten"))
    assert victim.read_text() == "safe"
    assert (root / "file").read_bytes() == b"overwritten"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([entry("../evil", b"x")], "leaves the root"),
        ([entry("a/../../evil", b"x")], "leaves the root"),
        ([link("a", "/etc/passwd", hard=True)], "this layer does not have"),
        ([link("a", "../../etc/passwd", hard=True)], "leaves the root"),
        ([folder("d"), link("a", "d", hard=True)], "which is no file"),
        ([link("l", "l"), entry("l/x", b"")], "loop of symbolic links"),
        ([entry("f", b""), entry("f/x", b"")], "in the way"),
        ([entry("a/.wh..", b"")], "deletes nothing"),
        ([entry("a/.wh...", b"")], "deletes nothing"),
        ([entry(".", b"x")], "must be a folder"),
        ([entry("x" * 300, b"")], "longer than Linux allows"),
        ([entry("a/" * 3000, b"")], "longer than Linux allows"),
        ([entry("x", b"", uid=2**32 - 1)], "impossible owner"),
        ([entry("x", b"", type=b"Z")], "unknown type"),
        ([entry("big", b"", pax_headers={"comment": "x" * 5_000_000})], "extended header"),
    ],
)
def test_hostile_layers(root: Path, tmp_path: Path, entries: list[tuple[tarfile.TarInfo, bytes]], message: str) -> None:
    with pytest.raises(UnpackError, match=message):
        put(root, *entries)
    assert sorted(os.listdir(tmp_path)) == ["root"]


def test_dangerous_things_are_left_out(root: Path) -> None:
    put(
        root,
        entry("dev/sda", type=tarfile.BLKTYPE, devmajor=8, devminor=0),
        entry("dev/mem", type=tarfile.CHRTYPE, devmajor=1, devminor=1),
        folder("d", pax_headers={"SCHILY.xattr.trusted.overlay.redirect": "/etc"}),
        entry("f", b"", pax_headers={"SCHILY.xattr.security.ima": "x", "SCHILY.xattr.trusted.overlay.origin": "x"}),
    )
    assert not (root / "dev").exists()
    assert os.listxattr(root / "d") == []
    assert os.listxattr(root / "f") == []


def test_bounds(root: Path) -> None:
    with pytest.raises(UnpackError, match="more than 10 bytes"):
        put(root, entry("a", b"x" * 6), entry("b", b"x" * 6), limits=Limits(bytes=10))
    with pytest.raises(UnpackError, match="more than 2 entries"):
        put(root, folder("a"), folder("b"), folder("c"), limits=Limits(entries=2))


@pytest.mark.parametrize("cut", [100, 511, 700, 1500])
def test_truncated(root: Path, cut: int) -> None:
    raw = tar(entry("a", b"x" * 1000), entry("b", b"y" * 1000))
    layout = Layout(root)
    layout.create()
    (root / "blob").write_bytes(raw[:cut])
    with pytest.raises(UnpackError):
        layout.unpack_layer(root / "blob", digest(raw))
    assert os.listdir(layout.layers) == []
    assert os.listdir(layout.tmp) == []


@pytest.mark.parametrize("how", ["plain", "gzip", "zstd", "bzip2", "xz"])
def test_compressions(root: Path, how: str) -> None:
    raw = tar(entry("file", os.urandom(100_000)), entry("other", b"x" * 100_000))
    packed = {
        "plain": lambda data: data,
        "gzip": gzip.compress,
        "bzip2": bz2.compress,
        "xz": lzma.compress,
        "zstd": lambda data: subprocess.run(["zstd", "-q"], input=data, capture_output=True, check=True).stdout,
    }[how](raw)
    layout = Layout(root)
    layout.create()
    blob = root / "blob"
    blob.write_bytes(packed)
    layout.unpack_layer(blob, digest(raw))
    assert layout.layer_info(digest(raw)).size == 200_000
    assert (layout.layer(digest(raw)) / "other").read_bytes() == b"x" * 100_000
    # damaged in the middle, and cut off
    for damaged in (packed[:60_000] + b"\xff" * 64 + packed[60_064:], packed[:60_000]):
        blob.write_bytes(damaged)
        other = "sha256:" + "0" * 64
        with pytest.raises(UnpackError):
            layout.unpack_layer(blob, other)
        assert not layout.has_layer(other)


def test_pack_is_the_inverse(root: Path, tmp_path: Path) -> None:
    put(
        root,
        folder("d", uid=5, mode=0o2775),
        entry("d/file", b"data", mode=0o4711, uid=7, pax_headers={"SCHILY.xattr.user.x": "\udcff\udcfe"}),
        link("d/twin", "d/file", hard=True),
        link("l", "nowhere"),
        entry("d/.wh.gone"),
        entry("d/.wh..wh..opq"),
        entry("späße", b"u"),
    )
    os.setxattr(root / "d", "trusted.overlay.impure", b"y")
    first = pack(root, tmp_path / "one.tar.gz", 1_000)
    assert first is not None
    layout = Layout(tmp_path / "store")
    layout.create()
    layout.unpack_layer(tmp_path / "one.tar.gz", first.diff_id)
    copy = layout.layer(first.diff_id)
    assert is_whiteout(copy / "d" / "gone")
    assert os.listxattr(copy / "d") == [OPAQUE_XATTR] == os.listxattr(root / "d")
    assert os.getxattr(copy / "d" / "file", "user.x") == b"\xff\xfe"
    assert (copy / "d" / "file").stat().st_nlink == 2
    assert (copy / "d" / "file").stat().st_mtime <= 1_000
    second = pack(copy, tmp_path / "two.tar.gz", 2_000)
    assert second is not None
    assert (second.diff_id, second.blob.digest) == (first.diff_id, first.blob.digest)


def test_an_empty_folder_is_no_layer(root: Path, tmp_path: Path) -> None:
    assert pack(root, tmp_path / "layer", 0) is None
