"""Keys for the encryption tests, and plaintext lengths around the edges of frames."""

from hypothesis import strategies as st

from coskit.encryption.format.frames import Frames, Layout
from coskit.encryption.master_keys import AESKey, RSAKey

FRAME = 1024
LAYOUT = Layout(FRAME)
SECRET = bytes(range(32))
AES = AESKey(SECRET)
RSA = RSAKey.generate(2048)

lengths = st.one_of(
    st.integers(0, 5 * FRAME),
    st.builds(lambda n, d: max(n * FRAME + d, 0), st.integers(0, 5), st.integers(-1, 1)),
)


def text_of(length: int) -> bytes:
    """Return plaintext of which no two frames are alike."""
    return b"".join(f"{n:8}".encode() for n in range(-(-length // 8)))[:length]


def frames_of(data_key: bytes = bytes(32)) -> Frames:
    """Return the frames of an object."""
    return Frames(data_key)
