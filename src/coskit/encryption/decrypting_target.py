"""A download target that decrypts: only authenticated plaintext reaches the disk."""

from collections.abc import Mapping, Sequence

from coskit.client.transfer.targets.download_target import DownloadTarget, Section
from coskit.encryption.decrypt import Decryptor
from coskit.encryption.keyring import Content, Keyring
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.codec.ranges import ByteRange


class DecryptingTarget:
    """Decrypts sections of whole frames and writes their plaintext to another target.

    Offsets are offsets in the sealed object, whose CRC64 the download compares as usual.
    """

    def __init__(self, plain: DownloadTarget, keyring: Keyring) -> None:
        """Write to a target.

        Args:
            plain: the target of the plaintext.
            keyring: the master keys.
        """
        self._plain = plain
        self._keyring = keyring
        self._content: Content | None = None
        self._size = 0

    @property
    def identity(self) -> Mapping[str, str]:
        """See `DownloadTarget.identity`: a file of sealed bytes is another target."""
        return {**self._plain.identity, "content": "plaintext"}

    @property
    def state(self) -> Mapping[str, str]:
        """See `DownloadTarget.state`."""
        return self._plain.state

    def begin(self, size: int, headers: Mapping[str, str]) -> int:
        """See `DownloadTarget.begin`.

        Raises:
            SealBroken: the object is not sealed, or not with these keys.
        """
        content = self._open(size, headers)
        self._plain.begin(content.layout.plain_length(size), headers)
        return content.layout.alignment

    def resume(self, size: int, headers: Mapping[str, str], state: Mapping[str, str]) -> bool:
        """See `DownloadTarget.resume`.

        Raises:
            SealBroken: the object is not sealed, or not with these keys.
        """
        length = self._open(size, headers).layout.plain_length(size)
        return self._plain.resume(length, headers, state)

    def _open(self, size: int, headers: Mapping[str, str]) -> Content:
        self._content = self._keyring.open(self._keyring.seal_of(headers))
        self._size = size
        return self._content

    def forget(self, state: Mapping[str, str]) -> None:
        """See `DownloadTarget.forget`."""
        self._plain.forget(state)

    def section(self, offset: int, length: int) -> Section:
        """See `DownloadTarget.section`."""
        content, wanted = self._opened(), self._place(offset, length)
        stored = ByteRange(offset, offset + length - 1, self._size)
        decryptor = content.decryptor(stored, wanted)
        return _DecryptingSection(decryptor, self._plain.section(wanted.first, wanted.length))

    def holds(self, offset: int, length: int, mark: str) -> bool:
        """See `DownloadTarget.holds`."""
        place = self._place(offset, length)
        return self._plain.holds(place.first, place.length, mark)

    def _place(self, offset: int, length: int) -> ByteRange:
        """Return the range of the plaintext of a section."""
        layout = self._opened().layout
        total = layout.plain_length(self._size)
        end = total if offset + length >= self._size else layout.plain_offset(offset + length)
        return ByteRange(layout.plain_offset(offset), end - 1, total)

    def _opened(self) -> Content:
        if self._content is None:
            raise ValueError("the target is not begun")
        return self._content

    def finish(self) -> None:
        """See `DownloadTarget.finish`."""
        self._plain.finish()

    def suspend(self) -> None:
        """See `DownloadTarget.suspend`."""
        self._plain.suspend()

    def discard(self) -> None:
        """See `DownloadTarget.discard`."""
        self._plain.discard()


class _DecryptingSection:
    """A section that is decrypted before it is written to the target."""

    def __init__(self, decryptor: Decryptor, plain: Section) -> None:
        self._decryptor = decryptor
        self._plain = plain
        self._crc64 = 0

    def write(self, pieces: Sequence[bytes]) -> None:
        """See `Section.write`.

        Raises:
            SealBroken: the bytes are not those that were sealed; none of them was written.
        """
        opened = self._decryptor.feed(b"".join(pieces))
        self._crc64 = crc64(opened, self._crc64)
        self._plain.write([opened])

    def seal(self, crc64: int) -> str:
        """See `Section.seal`: the mark is computed from the plaintext."""
        self._decryptor.finish()
        return self._plain.seal(self._crc64)

    def close(self) -> None:
        """See `Section.close`."""
        self._plain.close()
