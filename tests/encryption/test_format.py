"""The stored format, byte for byte: what an earlier version sealed is read for ever."""

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from coskit.encryption.encrypt import encrypt_bytes
from coskit.encryption.format.envelope import Envelope, new_envelope
from coskit.encryption.format.frames import Frames, Layout
from coskit.encryption.master_keys import AESKey, MasterKey, RSAKey

DATA_KEY = bytes(range(100, 132))
AES = AESKey(bytes(range(32)))

P = (
    "bfdbfe3bcf8eaa12079628fe4ee32c0a8c23127a593beb5ef5fcbf4c36abad12480a242b1d806fd23b5d514a"
    "48964ac4408d7bddd096539ede31d10445d454f8e5add005c60ee3905691d0f0b3507c2fd2a9cb0884f67083"
    "05846eec0e8108e387f8dfe925149eaa09cf073c86c182f1730ed02c8e96d24bbfd62235a36df39b"
)
Q = (
    "bf1800b74131fad416b0303303b53e2fc64b21e2f0d0761a882705570d7fc3693a3deb111efb128f46a9766d"
    "1b3e11f4ff6412a9c509f997701fd6ba6c8531cfe600f1f2255836576e2a3d7f36a255662153121f19acb700"
    "7e4ccea45659d804ce08080a17fa5f4962e19c4ee77fc3cd95ce7a330b9e943871b934b173a97c89"
)


def rsa_key() -> RSAKey:
    """Return the key pair of two primes, which has no other use."""
    p, q, e = int(P, 16), int(Q, 16), 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    exponents = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return RSAKey(rsa.RSAPrivateNumbers(p, q, d, *exponents, public).private_key())


SEALED_BY_AES = {
    "x-cos-meta-coskit-format": "AES256-GCM-frames-1",
    "x-cos-meta-coskit-frame": "65536",
    "x-cos-meta-coskit-wrap": "HKDF-SHA256+AES256-GCM",
    "x-cos-meta-coskit-key-id": "9cc0828e589556596c34f89a63517bd5",
    "x-cos-meta-coskit-key": (
        "T+NNzKbt5KDljE9RRYC0FytzsdrhrCkTYVVkG315t8mJoPUEkcQji438mMLV/gDEaBHKWR4PpmIxfpys"
        "ItnSrj1rWibzfRMPPXEBYBv1jUw="
    ),
    "x-cos-meta-coskit-description": "caf%C3%A9%20%26%201",
}
SEALED_BY_RSA = {
    "x-cos-meta-coskit-format": "AES256-GCM-frames-1",
    "x-cos-meta-coskit-frame": "65536",
    "x-cos-meta-coskit-wrap": "RSA-OAEP-SHA256",
    "x-cos-meta-coskit-key-id": "d3ac9771274fb35bd29ae9a4e25f1de8",
    "x-cos-meta-coskit-key": (
        "Qgq0JPGHFbnjCdEZR5KyJJHFGo1aGkY0/vYPok0sVIACYTofzyGCvei/ae6y1xu7A6et4dZGcTKtweob"
        "Da/wzrQBqrcsoN1ZgYxO58pu9r5/XCtO+bz50jLfkivWu3GjdvLPcV2JFU+8rp0Df8NnzWGfskNBMB0c"
        "Sp2/N0IEdDIxfGc9G5M1AzuS48+5YhLAi+TQmcAFyet45mH3YcHiWCCm81Ej8RcV22WE5GboiZZav4vM"
        "jKjFihOK0Zi3SDFsUkkq5BLPpItPaF7sCLNeik/2CE7LC45jCdmdehltdviCHqEhZVYZ4EuLqcEC+zdS"
        "L2u+q+LJvEoWNrFzdrRoFg=="
    ),
    "x-cos-meta-coskit-description": "caf%C3%A9%20%26%201",
}


@pytest.mark.parametrize(
    ("plain", "sealed"),
    [
        (b"", "a75b91e108daa5f2dc4dcea2d7ac8c6ebc195e1240fedeff9df5765c"),
        (b"coskit", "63fa178f0f2329b78d46a92b8079c171cc958325130145dcacc8ba079fc587e745ec"),
    ],
)
def test_a_short_object_is_sealed_like_this(plain: bytes, sealed: str) -> None:
    assert encrypt_bytes(Frames(DATA_KEY), Layout(), plain).hex() == sealed


def test_a_longer_object_is_sealed_like_this() -> None:
    sealed = encrypt_bytes(Frames(DATA_KEY), Layout(), bytes(range(256)) * 1024 + b"and a bit")
    assert len(sealed) == 262293
    assert (
        sha256(sealed).hexdigest()
        == "0ddcf3d2ef316c99525a1370a039e2258265e26f8eb00b2ae6298518e8904c0f"
    )


@pytest.mark.parametrize(
    ("headers", "key"),
    [(SEALED_BY_AES, AES), (SEALED_BY_RSA, rsa_key())],
    ids=["AES", "RSA"],
)
def test_a_seal_is_opened_and_written_like_this(headers: dict[str, str], key: MasterKey) -> None:
    envelope = Envelope.from_headers(headers)
    assert envelope is not None
    assert envelope.description == "café & 1"
    same = Frames(DATA_KEY).seal(0, b"", last=True)
    assert envelope.open([key]).seal(0, b"", last=True) == same
    written, _ = new_envelope(key, description="café & 1", data_key=DATA_KEY)
    wrapped = "x-cos-meta-coskit-key"
    length = len(base64.b64decode(headers[wrapped]))
    assert len(written.wrapped) == length
    assert {**written.headers(), wrapped: headers[wrapped]} == headers
