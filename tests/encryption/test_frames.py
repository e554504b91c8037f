"""Frames: what was sealed comes back, and anything else is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.encryption.decrypt import FrameDecryptor
from coskit.encryption.encrypt import encrypt_bytes
from coskit.encryption.errors import SealBroken
from coskit.encryption.format.frames import OVERHEAD, Frames, Layout
from coskit.protocol.codec.ranges import ByteRange, parse_range
from coskit.protocol.errors import InvalidRange
from tests.encryption.strategies import FRAME, LAYOUT, frames_of, lengths, text_of

STEP = LAYOUT.sealed_frame


def everything(sealed: bytes, frames: Frames, pieces: int = 4096) -> bytes:
    """Open a whole sealed object that arrives in pieces."""
    response = ByteRange(0, len(sealed) - 1, len(sealed))
    decryptor = FrameDecryptor(frames, LAYOUT, response, None)
    starts = range(0, len(sealed), pieces)
    opened = b"".join(decryptor.feed(sealed[start : start + pieces]) for start in starts)
    decryptor.finish()
    return opened


@given(lengths, st.integers(1, 3 * STEP))
def test_what_was_sealed_comes_back_in_whatever_pieces_it_arrives(size: int, pieces: int) -> None:
    plain, frames = text_of(size), frames_of()
    sealed = encrypt_bytes(frames, LAYOUT, plain)
    assert everything(sealed, frames, pieces) == plain


@given(lengths)
def test_lengths_follow_from_each_other(size: int) -> None:
    sealed = encrypt_bytes(frames_of(), LAYOUT, text_of(size))
    assert LAYOUT.sealed_length(size) == len(sealed)
    assert LAYOUT.plain_length(len(sealed)) == size


@given(st.integers(0, 10**15), st.sampled_from([1024, 1 << 16, 1 << 20, 5000]))
def test_lengths_follow_from_each_other_however_large(size: int, frame: int) -> None:
    layout = Layout(frame)
    assert layout.plain_length(layout.sealed_length(size)) == size


def test_a_length_is_a_sealed_one_or_it_is_refused() -> None:
    good = {LAYOUT.sealed_length(size) for size in range(3 * FRAME)}
    for length in range(3 * FRAME):
        if length in good:
            assert LAYOUT.sealed_length(LAYOUT.plain_length(length)) == length
        else:
            with pytest.raises(SealBroken, match="cut or extended"):
                LAYOUT.plain_length(length)


@pytest.mark.parametrize("size", [0, 1, FRAME, FRAME + 1, 2 * FRAME])
def test_a_flipped_bit_in_any_byte_is_noticed(size: int) -> None:
    frames, plain = frames_of(), text_of(size)
    sealed = encrypt_bytes(frames, LAYOUT, plain)
    for position in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[position] ^= 1 << position % 8
        with pytest.raises(SealBroken):
            everything(bytes(damaged), frames)


@given(lengths, st.data())
def test_every_cut_and_every_addition_is_noticed(size: int, data: st.DataObject) -> None:
    frames = frames_of()
    sealed = encrypt_bytes(frames, LAYOUT, text_of(size))
    cut = data.draw(st.integers(0, len(sealed) - 1) | st.sampled_from(range(0, len(sealed), STEP)))
    for damaged in (sealed[:cut], sealed + sealed[-OVERHEAD:], sealed + sealed[:STEP]):
        with pytest.raises(SealBroken):
            everything(damaged, frames)


@given(lengths.filter(lambda size: size > FRAME), st.data())
def test_frames_in_other_places_are_noticed(size: int, data: st.DataObject) -> None:
    frames = frames_of()
    sealed = encrypt_bytes(frames, LAYOUT, text_of(size))
    found = [sealed[start : start + STEP] for start in range(0, len(sealed), STEP)]
    mixed = data.draw(st.permutations(found) | st.lists(st.sampled_from(found), max_size=6))
    if mixed != found:
        with pytest.raises(SealBroken):
            everything(b"".join(mixed), frames)


@given(lengths, lengths, st.data())
def test_a_frame_of_another_object_is_noticed(size: int, other: int, data: st.DataObject) -> None:
    frames, strange = frames_of(bytes(32)), frames_of(b"\1" * 32)
    sealed = bytearray(encrypt_bytes(frames, LAYOUT, text_of(size)))
    others = encrypt_bytes(strange, LAYOUT, text_of(other))
    count = min(LAYOUT.frames(size), LAYOUT.frames(other))
    start = data.draw(st.integers(0, count - 1)) * STEP
    if len(others[start : start + STEP]) == len(sealed[start : start + STEP]):
        sealed[start : start + STEP] = others[start : start + STEP]
        with pytest.raises(SealBroken):
            everything(bytes(sealed), frames)
    with pytest.raises(SealBroken):
        everything(others, frames)


def test_no_byte_behind_the_damage_is_handed_out() -> None:
    frames, plain = frames_of(), text_of(4 * FRAME)
    damaged = bytearray(encrypt_bytes(frames, LAYOUT, plain))
    damaged[2 * STEP + 500] ^= 1
    decryptor = FrameDecryptor(frames, LAYOUT, ByteRange(0, len(damaged) - 1, len(damaged)), None)
    assert decryptor.feed(bytes(damaged[: 2 * STEP + 900])) == plain[: 2 * FRAME]
    with pytest.raises(SealBroken, match="Frame 2 is damaged or belongs to another object"):
        decryptor.feed(bytes(damaged[2 * STEP + 900 :]))


range_texts = st.one_of(
    st.builds("bytes={}-{}".format, st.integers(0, 6000), st.integers(0, 6000)),
    st.builds("bytes={}-".format, st.integers(0, 6000)),
    st.builds("bytes=-{}".format, st.integers(0, 6000)),
    st.sampled_from(["bytes=-", "bytes=1-2,4-5", "lines=1-2", "bytes=0-99999999999999999999999"]),
)


@given(lengths, range_texts)
def test_a_range_of_the_plaintext_is_in_the_frames_that_are_asked_for(size: int, text: str) -> None:
    plain, frames = text_of(size), frames_of()
    sealed = encrypt_bytes(frames, LAYOUT, plain)
    try:
        wanted = parse_range(text, size)
    except InvalidRange:
        return
    asked = LAYOUT.sealed_range(text)
    response = parse_range(asked, len(sealed)) if asked else None
    response = response or ByteRange(0, len(sealed) - 1, len(sealed))
    whole = ByteRange(0, len(sealed) - 1, len(sealed))  # from a service that knows no ranges
    for sent in (response, whole):
        decryptor = FrameDecryptor(frames, LAYOUT, sent, wanted)
        opened = decryptor.feed(sealed[sent.first : sent.last + 1])
        decryptor.finish()
        assert opened == (plain[wanted.first : wanted.last + 1] if wanted else plain)
    if wanted:
        assert response.length <= wanted.length // FRAME * STEP + 3 * STEP


@given(lengths, st.integers(0, 6000))
def test_a_range_behind_the_end_is_behind_the_sealed_end_or_in_the_last_frame(
    size: int, first: int
) -> None:
    sealed = LAYOUT.sealed_length(size)
    text = f"bytes={first}-"
    try:
        parse_range(LAYOUT.sealed_range(text) or "", sealed)
    except InvalidRange:
        assert first >= size


def test_a_range_response_with_other_frames_is_detected() -> None:
    frames, size = frames_of(), 5 * FRAME
    total = LAYOUT.sealed_length(size)
    wanted = ByteRange(FRAME, 3 * FRAME - 1, size)
    for first, last in ((2 * STEP, 3 * STEP - 1), (STEP, 2 * STEP - 1), (STEP, 3 * STEP - 2)):
        with pytest.raises(SealBroken, match="another range"):
            FrameDecryptor(frames, LAYOUT, ByteRange(first, last, total), wanted)
    # The right places with the wrong bytes in them:
    sealed = encrypt_bytes(frames, LAYOUT, text_of(size))
    decryptor = FrameDecryptor(frames, LAYOUT, ByteRange(STEP, 3 * STEP - 1, total), wanted)
    with pytest.raises(SealBroken):
        decryptor.feed(sealed[: 2 * STEP])


def test_an_object_said_to_be_shorter_is_noticed_where_it_ends() -> None:
    frames = frames_of()
    sealed = encrypt_bytes(frames, LAYOUT, text_of(5 * FRAME))[: 3 * STEP]
    wanted = ByteRange(2 * FRAME, 3 * FRAME - 1, 3 * FRAME)
    decryptor = FrameDecryptor(frames, LAYOUT, ByteRange(2 * STEP, 3 * STEP - 1, 3 * STEP), wanted)
    with pytest.raises(SealBroken, match="taken for the last one"):
        decryptor.feed(sealed[2 * STEP :])


def test_a_response_that_ends_early_is_detected() -> None:
    frames = frames_of()
    sealed = encrypt_bytes(frames, LAYOUT, text_of(2 * FRAME))
    decryptor = FrameDecryptor(frames, LAYOUT, ByteRange(0, len(sealed) - 1, len(sealed)), None)
    decryptor.feed(sealed[:-1])
    with pytest.raises(SealBroken, match="ended in frame 1"):
        decryptor.finish()


@given(st.binary(max_size=FRAME), st.binary(max_size=FRAME))
def test_a_nonce_serves_one_plaintext_in_one_place(first: bytes, second: bytes) -> None:
    frames = frames_of()
    assert frames.seal(7, first, last=False) == frames.seal(7, first, last=False)
    nonces = {
        frames.seal(number, plain, last=last)[:12]
        for plain in {first, second}
        for number in (0, 1, 2**40)
        for last in (False, True)
    }
    assert len(nonces) == len({first, second}) * 6
