"""Targets of downloads: written in parallel, visible only when the object is complete."""

# ruff: noqa: PTH105, PTH108, PTH112, PTH118
# Every small download runs this, and a Path costs as much as a system call.

import contextlib
import errno
import os
import re
import stat
import threading
from collections.abc import Mapping, Sequence
from typing import Protocol, Self

from coskit.client.transfer.targets.special_files import status_of
from coskit.protocol.codec.checksums.md5_crc64 import crc64

_BLOCK = 1 << 20
_VECTOR = 512  # chunks in one system call; the limit of Linux is 1,024
_PARTIAL = re.compile(r"\.[^/]*\.[0-9a-f]{16}\.part", re.DOTALL)


class Section(Protocol):
    """A section of a target, written from beginning to end by one thread at a time."""

    def write(self, pieces: Sequence[bytes]) -> None:
        """Write the next bytes."""
        ...

    def seal(self, crc64: int) -> str:
        """End a section that is completely written and return the mark that `holds` takes.

        Args:
            crc64: the CRC64 of the bytes that were written.
        """
        ...

    def close(self) -> None:
        """Close the section; safe to call twice and while another thread writes."""
        ...


class DownloadTarget(Protocol):
    """The target of one download. Its offsets are offsets in the object as it is transferred.

    All methods may block and are called from any thread. `begin` or `resume` comes first, then
    the sections, then `finish`, `suspend` or `discard`; a second call of these does nothing.
    """

    @property
    def identity(self) -> Mapping[str, str]:
        """The identity of the target, which a journal is bound to."""
        ...

    @property
    def state(self) -> Mapping[str, str]:
        """The state for `resume` and `forget` in a later process; known before `begin`."""
        ...

    def begin(self, size: int, headers: Mapping[str, str]) -> int:
        """Prepare the target; return the number that every section's offset is a multiple of."""
        ...

    def resume(self, size: int, headers: Mapping[str, str], state: Mapping[str, str]) -> bool:
        """Resume what an earlier process suspended; return False if it is missing or changed."""
        ...

    def forget(self, state: Mapping[str, str]) -> None:
        """Remove the content that an earlier process suspended."""
        ...

    def section(self, offset: int, length: int) -> Section:
        """Return a section of the object to write to."""
        ...

    def holds(self, offset: int, length: int, mark: str) -> bool:
        """Return whether a section that was sealed is undamaged."""
        ...

    def finish(self) -> None:
        """Make the complete object visible."""
        ...

    def suspend(self) -> None:
        """Keep the written content for a later process."""
        ...

    def discard(self) -> None:
        """Remove the written content; `begin` may be called again."""
        ...


def write_whole(target: DownloadTarget, headers: Mapping[str, str], content: bytes) -> None:
    """Write a small object that is in memory, and finish the target."""
    if isinstance(target, FileTarget):
        target.put(content)  # half as many system calls
        return
    target.begin(len(content), headers)
    section = target.section(0, len(content))
    try:
        section.write([content])
        section.seal(crc64(content))
    finally:
        section.close()
    target.finish()


class FileTarget:
    """A file that is written under a temporary name and renamed when it is complete.

    Symbolic links are followed. The new file gets the permissions of the file that it replaces,
    and its owner and group if this process may set them. Nothing is synced to the disk: after a
    power failure the object is still in its bucket.

    Attributes:
        path: the path of the complete file, without links.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Check the path.

        Raises:
            IsADirectoryError: the path is a directory.
            FileNotFoundError: the directory of the file does not exist.
            OSError: the path cannot be read.
        """
        real = os.path.realpath(path)
        old = status_of(real)
        if os.fspath(path).endswith(os.sep) or (old is not None and stat.S_ISDIR(old.st_mode)):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        folder = os.path.split(real)[0]
        if old is None and not os.path.isdir(folder):
            raise FileNotFoundError(errno.ENOENT, "No such directory to download into", folder)
        self._begin(real, old)

    @classmethod
    def at(cls, real: str, old: os.stat_result | None) -> Self:
        """Return the target of a path without links, with the state of the file that is there."""
        target = cls.__new__(cls)
        target._begin(real, old)
        return target

    def _begin(self, real: str, old: os.stat_result | None) -> None:
        self.path = real
        self._folder, self._name = os.path.split(real)
        self._old_mode = None if old is None else stat.S_IMODE(old.st_mode) & 0o777
        self._old_owner = None if old is None else (old.st_uid, old.st_gid)
        self._mode = 0o600
        self._partial = partial_name(self._name)
        self._made = False
        self._file: int | None = None
        self._lock = threading.Lock()

    @property
    def identity(self) -> Mapping[str, str]:
        """See `DownloadTarget.identity`."""
        return {"path": self.path}

    @property
    def state(self) -> Mapping[str, str]:
        """See `DownloadTarget.state`."""
        return {"partial": self._partial, "mode": f"{self._mode:o}"}

    def begin(self, size: int, headers: Mapping[str, str]) -> int:
        """See `DownloadTarget.begin`."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with self._lock:
            self._file = os.open(self._beside(self._partial), flags, 0o666)
            self._made = True
            # The umask applies to the complete file; until then only its owner may read it.
            created = stat.S_IMODE(os.fstat(self._file).st_mode)
            self._mode = created if self._old_mode is None else self._old_mode
            self._hand_down_owner(self._file)
            os.fchmod(self._file, 0o600)
            os.ftruncate(self._file, size)
        return 1

    def put(self, content: bytes) -> None:
        """Write the whole content and make it visible: `begin` to `finish` in one call."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with self._lock:
            # A new file gets its final permissions at once.
            mode = 0o666 if self._old_mode is None else 0o600
            self._file = os.open(self._beside(self._partial), flags, mode)
            self._made = True
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(self._file, rest) :]
            if self._old_mode is not None:
                self._hand_down_owner(self._file)
                os.fchmod(self._file, self._old_mode)
            self._appear()

    def _hand_down_owner(self, file: int) -> None:
        """Set the owner and group of the old file, as far as this process may."""
        if self._old_owner is None:
            return
        user, group = self._old_owner
        made = os.fstat(file)
        if made.st_gid != group:
            with contextlib.suppress(OSError):
                os.fchown(file, -1, group)
        if made.st_uid != user:
            with contextlib.suppress(OSError):
                os.fchown(file, user, -1)

    def resume(self, size: int, headers: Mapping[str, str], state: Mapping[str, str]) -> bool:
        """See `DownloadTarget.resume`."""
        partial = _partial_of(state)
        if partial is None:
            return False
        try:
            file = os.open(self._beside(partial), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return False
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size != size or status.st_nlink != 1:
            os.close(file)
            self.forget(state)
            return False
        with self._lock:
            self._file, self._partial, self._made = file, partial, True
            kept = int(state.get("mode", "600"), 8) & 0o777
            self._mode = kept if self._old_mode is None else self._old_mode
        return True

    def forget(self, state: Mapping[str, str]) -> None:
        """See `DownloadTarget.forget`."""
        partial = _partial_of(state)
        if partial is not None:
            self._remove(partial)

    def _beside(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def _remove(self, partial: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._beside(partial))

    def section(self, offset: int, length: int) -> Section:
        """See `DownloadTarget.section`."""
        return _FileSection(self._duplicate(), offset)

    def holds(self, offset: int, length: int, mark: str) -> bool:
        """See `DownloadTarget.holds`."""
        file, sum_, end = self._duplicate(), 0, offset + length
        try:
            while offset < end and (block := os.pread(file, min(_BLOCK, end - offset), offset)):
                sum_ = crc64(block, sum_)
                offset += len(block)
        finally:
            os.close(file)
        return offset == end and str(sum_) == mark

    def _duplicate(self) -> int:
        # Each section has its own descriptor, so that closing one does not affect another.
        with self._lock:
            if self._file is None:
                raise ValueError("the target is closed")
            return os.dup(self._file)

    def finish(self) -> None:
        """See `DownloadTarget.finish`."""
        with self._lock:
            if self._file is not None and self._made:
                os.fchmod(self._file, self._mode)
                self._appear()

    def _appear(self) -> None:
        os.replace(self._beside(self._partial), self.path)
        self._made = False
        self._close()

    def suspend(self) -> None:
        """See `DownloadTarget.suspend`."""
        with self._lock:
            self._made = False
            self._close()

    def discard(self) -> None:
        """See `DownloadTarget.discard`."""
        with self._lock:
            if self._made:
                self._remove(self._partial)
                self._partial = partial_name(self._name)
            self._made = False
            self._close()

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


class _FileSection:
    """A section of a file, written at its offset."""

    def __init__(self, file: int, offset: int) -> None:
        self._file: int | None = file
        self._offset = offset
        self._lock = threading.Lock()

    def write(self, pieces: Sequence[bytes]) -> None:
        """See `Section.write`."""
        rest = [piece for piece in pieces if piece]
        with self._lock:  # a close waits for this write, so that the descriptor is not reused
            while rest:
                if self._file is None:
                    raise ValueError("the section is closed")
                written = os.pwritev(self._file, rest[:_VECTOR], self._offset)
                self._offset += written
                rest = _after(rest, written)

    def seal(self, crc64: int) -> str:
        """See `Section.seal`."""
        self.close()
        return str(crc64)

    def close(self) -> None:
        """See `Section.close`."""
        with self._lock:
            file, self._file = self._file, None
            if file is not None:
                os.close(file)


def _after(pieces: list[bytes], written: int) -> list[bytes]:
    """Return the rest of the chunks after `written` bytes of them."""
    for index, piece in enumerate(pieces):
        if written < len(piece):
            return [piece[written:], *pieces[index + 1 :]]
        written -= len(piece)
    return []


def _partial_of(state: Mapping[str, str]) -> str | None:
    name = state.get("partial", "")
    return name if _PARTIAL.fullmatch(name) else None


def partial_name(name: str) -> str:
    """Return the temporary name of a file: hidden, random and never too long."""
    # A name has at most 255 bytes, and a cut may leave incomplete UTF-8.
    start = os.fsencode(name)[:200].decode(errors="ignore")
    return f".{start}.{os.urandom(8).hex()}.part"
