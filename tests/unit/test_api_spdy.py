"""SPDY/3.1 framing: what is encoded is decoded, however it is cut; what is not SPDY is refused."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsorch.api.streams.spdy.frames import (
    MAX_CONTROL,
    Data,
    Decoder,
    Encoder,
    Frame,
    FrameError,
    GoAway,
    Headers,
    Ping,
    Reset,
    Settings,
    SynReply,
    SynStream,
    WindowUpdate,
)
from nsorch.api.streams.spdy.headers import DICTIONARY, MAX_BLOCK, Compressor, Decompressor, HeaderError

ids = st.integers(1, 2**31 - 1)
words = st.integers(0, 2**32 - 1)
names = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=20)
header_maps = st.dictionaries(names, st.text(max_size=50), max_size=8)
frames: st.SearchStrategy[Frame] = st.one_of(
    st.builds(SynStream, ids, header_maps, st.booleans(), st.booleans(), st.integers(0, 2**31 - 1), st.integers(0, 7)),
    st.builds(SynReply, ids, header_maps, st.booleans()),
    st.builds(Headers, ids, header_maps, st.booleans()),
    st.builds(Data, ids, st.binary(max_size=300), st.booleans()),
    st.builds(Reset, ids, words),
    st.builds(Settings, st.lists(st.tuples(words, words), max_size=4).map(tuple)),
    st.builds(Ping, words),
    st.builds(GoAway, st.integers(0, 2**31 - 1), words),
    st.builds(WindowUpdate, st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1)),
)


def joined(found: Iterable[Frame]) -> list[Frame]:
    """Pieces of one data frame put together again."""
    result: list[Frame] = []
    for frame in found:
        last = result[-1] if result else None
        if isinstance(frame, Data) and isinstance(last, Data) and last.stream == frame.stream and not last.fin:
            result[-1] = Data(frame.stream, last.data + frame.data, frame.fin)
        else:
            result.append(frame)
    return result


@given(st.lists(frames, max_size=12), st.lists(st.integers(0, 400), max_size=20))
def test_whatever_is_sent_arrives_however_it_is_cut(sent: list[Frame], cuts: list[int]) -> None:
    encoder, decoder = Encoder(), Decoder()
    wire = b"".join(encoder.encode(frame) for frame in sent)
    found: list[Frame] = []
    for size in cuts:
        found += decoder.decode(wire[:size])
        wire = wire[size:]
    found += decoder.decode(wire)
    assert joined(found) == joined(sent)


@given(st.binary(max_size=200))
def test_noise_is_refused_or_waited_for(noise: bytes) -> None:
    try:
        for frame in Decoder().decode(noise):
            assert frame is not None
    except FrameError:
        pass


def test_the_dictionary() -> None:
    assert len(DICTIONARY) == 1423
    assert zlib.adler32(DICTIONARY) == 0xE3C6A7C2


def test_bytes_on_the_wire() -> None:
    encoder = Encoder()
    assert encoder.encode(Data(5, b"abc", fin=True)) == bytes.fromhex("00000005 01000003") + b"abc"
    assert encoder.encode(Ping(7)) == bytes.fromhex("80030006 00000004 00000007")
    assert encoder.encode(Reset(3)) == bytes.fromhex("80030003 00000008 00000003 00000005")
    # Each connection's first header block begins with the zlib head that names the dictionary.
    assert encoder.encode(SynReply(1))[12:18] == bytes.fromhex("78f9 e3c6a7c2")


@pytest.mark.parametrize(
    "wire",
    [
        "80020006 00000004 00000001",  # version 2
        "00000000 00000001 00",  # data of stream 0
        "80030006 00000003 000001",  # short ping
        "80030001 00000004 00000001",  # short SYN_STREAM
        "80030002 00000008 00000001 deadbeef",  # headers that are no zlib
        "80030003 00000008 00000000 00000001",  # reset of stream 0
        "80030004 0000000c 00000002 00000000 00000000",  # fewer settings than said
    ],
)
def test_what_is_not_spdy_is_refused(wire: str) -> None:
    with pytest.raises(FrameError):
        list(Decoder().decode(bytes.fromhex(wire)))


def test_unknown_control_frames_are_passed_over() -> None:
    wire = bytes.fromhex("800300ff 00000002 abcd") + Encoder().encode(Ping(1))
    assert list(Decoder().decode(wire)) == [Ping(1)]


def test_headers_are_bounded() -> None:
    compressor = Compressor()
    with pytest.raises(HeaderError, match="over"):
        Decompressor().decompress(compressor.compress({"bomb": "0" * (2 * MAX_BLOCK)}))
    with pytest.raises(HeaderError, match="headers; at most"):
        Decompressor().decompress(Compressor().compress({f"name-{number}": "" for number in range(1000)}))
    with pytest.raises(FrameError, match="control frame of"):
        list(Decoder().decode(bytes.fromhex("80030001") + (MAX_CONTROL + 1).to_bytes(4, "big")))


def test_names_are_lower_case() -> None:
    assert Decompressor().decompress(Compressor().compress({"streamType": "Data"})) == {"streamtype": "Data"}
