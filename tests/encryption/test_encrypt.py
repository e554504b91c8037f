"""Sealed sources: cut anywhere, read in any order or again, they are the same sealed object."""

import io
import os
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.client.transfer.upload_source import FileSource, UploadSource
from coskit.encryption.decrypt import FrameDecryptor
from coskit.encryption.encrypt import EncryptingFile, EncryptingSource, encrypt_bytes
from coskit.encryption.errors import SealBroken
from coskit.encryption.format.envelope import Envelope
from coskit.encryption.format.frames import Frames
from coskit.encryption.master_keys import AESKey, MasterKey
from coskit.protocol.codec.ranges import ByteRange
from coskit.protocol.errors import SourceChanged
from tests.encryption.strategies import AES, FRAME, LAYOUT, RSA, lengths, text_of


def source_of(path: Path, key: MasterKey = AES, frame: int = FRAME) -> EncryptingSource:
    """Return a sealed file."""
    return EncryptingSource(FileSource(path), key, frame=frame)


def read(source: UploadSource, offset: int, length: int) -> bytes:
    """Return the bytes of a section."""
    with source.section(offset, length) as section:
        return section.read()


@given(lengths, st.data())
def test_parts_cut_anywhere_are_one_sealed_object(size: int, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(text_of(size))
        source = source_of(path)
        cuts = data.draw(st.lists(st.integers(0, source.size), max_size=8))
        edges = [0, *sorted(cuts), source.size]
        places = [(start, end - start) for start, end in pairwise(edges)]
        order = data.draw(st.permutations(range(len(places))))
        found = {number: read(source, *places[number]) for number in order}
    stored = b"".join(found[number] for number in range(len(places)))
    assert len(stored) == source.size
    envelope = Envelope.from_headers(source.metadata)
    assert envelope is not None
    response = ByteRange(0, len(stored) - 1, len(stored))
    decryptor = FrameDecryptor(envelope.open([AES]), envelope.layout, response, None)
    assert decryptor.feed(stored) == text_of(size)


@given(lengths, st.lists(st.tuples(st.integers(0, 6000), st.integers(-1, 3000)), max_size=8))
def test_a_sealed_file_is_a_file(size: int, moves: list[tuple[int, int]]) -> None:
    frames = Frames(bytes(32))
    sealed = encrypt_bytes(frames, LAYOUT, text_of(size))
    with TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(b"before" + text_of(size) + b"behind")
        with path.open("rb") as plain:
            file = EncryptingFile(frames, LAYOUT, plain, size, origin=6)
            assert file.readable()
            assert file.seekable()
            assert file.seek(0, os.SEEK_END) == len(sealed)
            for place, count in moves:
                assert file.seek(place) == file.tell() == place
                wanted = sealed[place:] if count < 0 else sealed[place : place + count]
                assert file.read(count) == wanted
                assert file.seek(-len(wanted), os.SEEK_CUR) == place
            file.close()
            assert not plain.closed


def test_a_restored_source_gives_the_same_bytes_and_keeps_no_key_in_its_state(
    tmp_path: Path,
) -> None:
    path = tmp_path / "file"
    path.write_bytes(text_of(5000))
    for key in (AES, RSA):
        first, second = source_of(path, key), source_of(path, key)
        whole = read(first, 0, first.size)
        assert read(second, 0, second.size) != whole
        assert second.identity == first.identity
        second.restore(first.state)
        assert read(second, 0, second.size) == whole
        assert second.metadata == first.metadata == first.state


def test_a_source_is_distinguished_from_one_sealed_differently(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    plain = FileSource(path)
    sources: list[UploadSource] = [
        plain,
        source_of(path),
        source_of(path, AESKey.generate()),
        source_of(path, RSA),
        source_of(path, frame=2048),
        EncryptingSource(plain, AES, frame=FRAME, description="another"),
        # They cannot unwrap what an earlier one sealed, so they never go on with it.
        source_of(path, RSA.public()),
        source_of(path, RSA.public()),
    ]
    identities = [dict(source.identity) for source in sources]
    assert not [one for n, one in enumerate(identities) if one in identities[:n]]


def test_a_state_of_another_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    with pytest.raises(SealBroken):
        source_of(path).restore(source_of(path, AESKey.generate()).state)
    with pytest.raises(SealBroken):
        source_of(path).restore({})


def test_a_file_that_changed_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(text_of(5000))
    source = source_of(path)
    source.check()
    path.write_bytes(text_of(100))
    with pytest.raises(SourceChanged):
        source.check()
    with pytest.raises(SourceChanged):
        read(source, 0, source.size)


def test_bytes_that_changed_between_two_tries_never_share_a_nonce() -> None:
    frames, plains = Frames(bytes(32)), (b"1" * FRAME, b"2" * FRAME)
    file = io.BytesIO(plains[0])
    before = EncryptingFile(frames, LAYOUT, file, FRAME).read()
    file.getbuffer()[:] = plains[1]
    after = EncryptingFile(frames, LAYOUT, file, FRAME).read()
    assert before[:12] != after[:12]
    for stored, plain in ((before, plains[0]), (after, plains[1])):
        response = ByteRange(0, len(stored) - 1, len(stored))
        assert FrameDecryptor(frames, LAYOUT, response, None).feed(stored) == plain
