"""Seals: the wrapped key comes back under its master key, and nothing of it can be changed."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from coskit.encryption.errors import SealBroken, UnknownKey
from coskit.encryption.format.envelope import PREFIX, Envelope, new_envelope
from coskit.encryption.format.frames import LARGEST_FRAME, SMALLEST_FRAME
from coskit.encryption.master_keys import AESKey, MasterKey, RSAKey
from coskit.protocol.errors import IntegrityError, ParameterError
from tests.encryption.strategies import AES, RSA, SECRET

OTHER_RSA = RSAKey.generate(2048)
KEYS = pytest.mark.parametrize("key", [AES, RSA], ids=["AES", "RSA"])


def opened(headers: dict[str, str], *keys: MasterKey) -> bytes:
    """Return a frame that the key of the sealed headers decrypts."""
    envelope = Envelope.from_headers(headers)
    assert envelope is not None
    return envelope.open(keys).seal(0, b"probe", last=True)


@KEYS
@given(
    frame=st.integers(SMALLEST_FRAME, LARGEST_FRAME),
    description=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
)
def test_a_seal_comes_back_from_the_metadata(key: MasterKey, frame: int, description: str) -> None:
    envelope, frames = new_envelope(key, frame=frame, description=description)
    headers = envelope.headers()
    assert Envelope.from_headers(headers) == envelope
    assert opened(headers, OTHER_RSA, key) == frames.seal(0, b"probe", last=True)
    assert all(name.startswith(PREFIX) and text.isascii() for name, text in headers.items())
    assert sum(len(name) + len(text) for name, text in headers.items()) < 1024


@KEYS
def test_two_objects_share_neither_key_nor_wrapping(key: MasterKey) -> None:
    (one, first), (two, second) = new_envelope(key), new_envelope(key)
    assert one.wrapped != two.wrapped
    assert first.seal(0, b"probe", last=True) != second.seal(0, b"probe", last=True)


@KEYS
def test_no_word_of_a_seal_can_be_changed(key: MasterKey) -> None:
    envelope, _ = new_envelope(key, description="year=2026")
    headers = envelope.headers()
    changes = {
        "format": ["AES256-GCM-frames-2", ""],
        "frame": ["65537", "131072", "0", "-1", "x", "99999999999", ""],
        "wrap": [AES.algorithm, RSA.algorithm, ""],
        "key-id": [AES.id, RSA.id, OTHER_RSA.id, ""],
        "description": ["year=2025", "year%3D2026%0A", "", "%FF"],
        "key": ["", "?", headers[f"{PREFIX}key"][4:], "A" * len(headers[f"{PREFIX}key"])],
    }
    for name, values in changes.items():
        for value in values:
            if headers[f"{PREFIX}{name}"] == value:
                continue
            with pytest.raises(IntegrityError):
                opened({**headers, f"{PREFIX}{name}": value}, AES, RSA)
    for name in set(changes) - {"format"}:
        with pytest.raises(IntegrityError):
            opened({k: v for k, v in headers.items() if k != f"{PREFIX}{name}"}, AES, RSA)


@KEYS
def test_a_flipped_bit_in_any_byte_of_a_wrapped_key_is_noticed(key: MasterKey) -> None:
    envelope, _ = new_envelope(key)
    for position in range(len(envelope.wrapped)):
        damaged = bytearray(envelope.wrapped)
        damaged[position] ^= 1 << position % 8
        changed = Envelope(envelope.algorithm, envelope.key_id, bytes(damaged), envelope.frame)
        with pytest.raises(SealBroken):
            changed.open([key])


def test_a_seal_for_another_key_names_it() -> None:
    envelope, _ = new_envelope(AES)
    with pytest.raises(UnknownKey, match=AES.id):
        envelope.open([AESKey.generate(), RSA])


def test_the_public_half_seals_and_does_not_open() -> None:
    public = RSA.public()
    envelope, frames = new_envelope(public)
    probe = frames.seal(0, b"probe", last=True)
    assert envelope.open([RSA]).seal(0, b"probe", last=True) == probe
    with pytest.raises(ParameterError, match="public half"):
        envelope.open([public])


def test_headers_without_a_seal_have_none() -> None:
    assert Envelope.from_headers({"ETag": '"0"', "x-cos-meta-coskit": "1"}) is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: new_envelope(AES, frame=SMALLEST_FRAME - 1),
        lambda: new_envelope(AES, frame=LARGEST_FRAME + 1),
        lambda: new_envelope(AES, description="\u4e2d" * 60),
        lambda: new_envelope(AESKey(b"0" * 16)),
        lambda: AESKey(b"0" * 31),
        lambda: AESKey.from_base64("no key"),
        lambda: RSAKey.from_pem("no key"),
        lambda: RSAKey.from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"),
        lambda: RSAKey(ec.generate_private_key(ec.SECP256R1())),
    ],
)
def test_what_cannot_be_a_key_or_a_seal_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ParameterError):
        make()


def test_keys_are_kept_in_files_that_only_their_owner_reads(tmp_path: Path) -> None:
    aes, rsa, locked = tmp_path / "aes", tmp_path / "rsa", tmp_path / "locked"
    AES.save(aes)
    RSA.save(rsa)
    RSA.save(locked, "a password")
    for path in (aes, rsa, locked):
        assert path.stat().st_mode & 0o777 == 0o600
        with pytest.raises(FileExistsError):
            AES.save(path)
    assert AESKey.from_file(aes).id == AES.id
    assert RSAKey.from_file(rsa).id == RSAKey.from_file(locked, "a password").id == RSA.id
    with pytest.raises(ParameterError, match="password is wrong"):
        RSAKey.from_file(locked, "another one")
    RSA.public().save(tmp_path / "public")
    assert not RSAKey.from_file(tmp_path / "public").opens


@KEYS
def test_keys_pickle_and_never_show_themselves(key: AESKey | RSAKey) -> None:
    envelope, frames = new_envelope(key)
    again = envelope.open([pickle.loads(pickle.dumps(key))])
    assert again.seal(0, b"", last=True) == frames.seal(0, b"", last=True)
    shown = f"{key!r} {key} {envelope!r} {frames!r}"
    for secret in (SECRET, SECRET[:8]):
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown
    assert "PRIVATE" not in shown
