"""A download's target that opens what arrives: only plaintext that was proved reaches the disk."""

from collections.abc import Mapping, Sequence

from coskit.client.transfer.download_target import DownloadTarget, Section
from coskit.encryption.decrypt import Opener
from coskit.encryption.keyring import Content, Keyring
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.codec.ranges import ByteRange


class OpenedTarget:
    """Takes an object in sections of whole frames and gives their plaintext to another target.

    Its offsets are those of the sealed object, whose CRC64 the download compares as usual.
    """

    def __init__(self, plain: DownloadTarget, keyring: Keyring) -> None:
        """Write to a target.

        Args:
            plain: takes the plaintext.
            keyring: opens the object.
        """
        self._plain = plain
        self._keyring = keyring
        self._content: Content | None = None
        self._size = 0

    @property
    def identity(self) -> Mapping[str, str]:
        """See `Target.identity`: the same file with sealed bytes in it is another target."""
        return {**self._plain.identity, "content": "plaintext"}

    @property
    def state(self) -> Mapping[str, str]:
        """See `Target.state`."""
        return self._plain.state

    def begin(self, size: int, headers: Mapping[str, str]) -> int:
        """See `Target.begin`.

        Raises:
            SealBroken: the object is not sealed, or these keys do not open it.
        """
        content = self._open(size, headers)
        self._plain.begin(content.layout.plain_length(size), headers)
        return content.layout.alignment

    def resume(self, size: int, headers: Mapping[str, str], state: Mapping[str, str]) -> bool:
        """See `Target.resume`.

        Raises:
            SealBroken: the object is not sealed, or these keys do not open it.
        """
        length = self._open(size, headers).layout.plain_length(size)
        return self._plain.resume(length, headers, state)

    def _open(self, size: int, headers: Mapping[str, str]) -> Content:
        self._content = self._keyring.open(self._keyring.seal_of(headers))
        self._size = size
        return self._content

    def forget(self, state: Mapping[str, str]) -> None:
        """See `Target.forget`."""
        self._plain.forget(state)

    def section(self, offset: int, length: int) -> Section:
        """See `Target.section`."""
        content, wanted = self._opened(), self._place(offset, length)
        answer = ByteRange(offset, offset + length - 1, self._size)
        opener = content.opener(answer, wanted)
        return _OpenedSection(opener, self._plain.section(wanted.first, wanted.length))

    def holds(self, offset: int, length: int, mark: str) -> bool:
        """See `Target.holds`."""
        place = self._place(offset, length)
        return self._plain.holds(place.first, place.length, mark)

    def _place(self, offset: int, length: int) -> ByteRange:
        """Return where the plaintext of a section belongs."""
        layout = self._opened().layout
        total = layout.plain_length(self._size)
        end = total if offset + length >= self._size else layout.plain_offset(offset + length)
        return ByteRange(layout.plain_offset(offset), end - 1, total)

    def _opened(self) -> Content:
        if self._content is None:
            raise ValueError("the target is not begun")
        return self._content

    def finish(self) -> None:
        """See `Target.finish`."""
        self._plain.finish()

    def suspend(self) -> None:
        """See `Target.suspend`."""
        self._plain.suspend()

    def discard(self) -> None:
        """See `Target.discard`."""
        self._plain.discard()


class _OpenedSection:
    """A section that is opened on its way to the target."""

    def __init__(self, opener: Opener, plain: Section) -> None:
        self._opener = opener
        self._plain = plain
        self._crc64 = 0

    def write(self, pieces: Sequence[bytes]) -> None:
        """See `Section.write`.

        Raises:
            SealBroken: the bytes are not what was sealed; none of them was written.
        """
        opened = self._opener.feed(b"".join(pieces))
        self._crc64 = crc64(opened, self._crc64)
        self._plain.write([opened])

    def seal(self, crc64: int) -> str:
        """See `Section.seal`: the mark is that of the plaintext."""
        self._opener.finish()
        return self._plain.seal(self._crc64)

    def close(self) -> None:
        """See `Section.close`."""
        self._plain.close()
