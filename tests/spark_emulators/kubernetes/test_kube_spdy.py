"""SPDY's frames, without a connection."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_emulators.kubernetes.errors import ApiError
from spark_emulators.kubernetes.wire import spdy

STREAMS = st.integers(1, 2**31 - 1)
WORDS = st.integers(0, 2**32 - 1)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz-:", min_size=1, max_size=12)
HEADERS = st.dictionaries(NAMES, st.text(max_size=30), max_size=5)
FRAMES = st.one_of(
    st.builds(spdy.SynStream, STREAMS, HEADERS, st.booleans()),
    st.builds(spdy.SynReply, STREAMS, HEADERS, st.booleans()),
    st.builds(spdy.Data, STREAMS, st.binary(max_size=2000), st.booleans()),
    st.builds(spdy.Reset, STREAMS, WORDS),
    st.builds(spdy.Ping, WORDS),
    st.builds(spdy.GoAway, st.integers(0, 2**31 - 1), WORDS),
    st.builds(spdy.WindowUpdate, STREAMS, st.integers(0, 2**31 - 1)),
    st.builds(spdy.Other, st.sampled_from([4, 8, 10])),
)


@given(st.lists(FRAMES, max_size=12), st.data())
def test_what_is_written_is_read_wherever_the_bytes_are_cut(frames, data):
    writer, reader = spdy.Codec(), spdy.Codec()
    written = b"".join(writer.encode(each) for each in frames)
    cuts = data.draw(st.lists(st.integers(0, len(written)), max_size=8).map(sorted))
    pieces = [
        written[start:end] for start, end in zip([0, *cuts], [*cuts, len(written)], strict=True)
    ]
    assert [frame for each in pieces for frame in reader.decode(each)] == frames


@given(st.lists(st.binary(max_size=60) | FRAMES.map(lambda each: spdy.Codec().encode(each))))
def test_what_is_no_spdy_is_refused_not_stumbled_over(pieces):
    reader, codes = spdy.Codec(), []
    for each in pieces:
        try:
            reader.decode(each)
        except ApiError as error:
            codes.append(error.code)
    assert set(codes) <= {400}


def test_frames_lie_on_the_wire_as_the_draft_says():
    codec = spdy.Codec()
    assert codec.encode(spdy.Ping(7)).hex() == "8003000600000004" + "00000007"
    assert codec.encode(spdy.Data(5, b"ab", fin=True)).hex() == "00000005" + "01000002" + "6162"
    assert codec.encode(spdy.Reset(3, spdy.CANCEL)).hex() == "8003000300000008" + "0000000300000005"
    opened = codec.encode(spdy.SynStream(1, {"port": "80"}))
    assert opened[:8].hex() == "80030001" + f"00{len(opened) - 8:06x}"
    # zlib's header names the dictionary by its checksum, which the draft's has
    assert opened[18:24].hex() in ("78bbe3c6a7c2", "78f9e3c6a7c2")


def test_names_are_read_in_lower_case():
    writer, reader = spdy.Codec(), spdy.Codec()
    written = writer.encode(spdy.SynStream(1, {"StreamType": "Data"}))
    assert reader.decode(written) == [spdy.SynStream(1, {"streamtype": "Data"})]


def test_headers_that_unpack_to_too_much_are_refused():
    packer = zlib.compressobj(9, zdict=spdy._DICTIONARY)
    packed = packer.compress(b"\0" * 10_000_000) + packer.flush(zlib.Z_SYNC_FLUSH)
    body = struct.pack("!IIH", 1, 0, 0) + packed
    with pytest.raises(ApiError, match="too many headers"):
        spdy.Codec().decode(struct.pack("!II", 0x80030001, len(body)) + body)


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        ("0000000000000000", "stream 0"),
        ("8002000600000004" + "00000001", "version 2"),
        ("8003000600000002" + "0001", "broken frame of type 6"),
        ("800300010000000c" + "00000001" + "00000000" + "0000" + "0000", "broken frame of type 1"),
        ("8003000300000008" + "0000000000000001", "stream 0"),
    ],
)
def test_each_fault_is_named(frame, text):
    with pytest.raises(ApiError, match=text):
        spdy.Codec().decode(bytes.fromhex(frame))
