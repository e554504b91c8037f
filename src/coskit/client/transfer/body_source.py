"""Accept content that can be a request's body; refuse all else before it is sent."""

import inspect
import io
import os
import stat
from collections.abc import Iterator, Mapping, Set
from typing import Any

from coskit.protocol.errors import ParameterError, SourceChanged

# The end of an iterator, which may yield None by mistake: that must not end a body early.
END = object()

_KINDS = "bytes, text, a binary file or chunks of bytes"

FileState = tuple[int, int, int, int, int]


def file_state(status: os.stat_result) -> FileState:
    """Return what changes when somebody writes to a file or puts another in its place.

    The time of the last change counts beside that of the last modification, which anybody can set.
    """
    return (
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        status.st_dev,
    )


def in_memory(content: Any, name: str = "Body") -> bytes | None:
    """Return content that is in memory as bytes, None for a file or an iterator.

    Text is taken as UTF-8, a buffer such as an `array` as its bytes, a list as its chunks.

    Args:
        content: what the caller gave.
        name: of the parameter.

    Raises:
        ParameterError: it is neither content nor something that content can be read from.
    """
    if type(content) is bytes:
        return content
    if isinstance(content, str):
        return _encoded(content, name)
    if isinstance(content, type):
        raise ParameterError(f"{name} is {_KINDS}, not the class {content.__name__}")
    if callable(getattr(content, "read", None)):
        if isinstance(content, io.TextIOBase):
            raise ParameterError(f"{name} is a text file: open it in binary mode")
        return None
    data = _buffer(content, name)
    if data is not None:
        return data
    if isinstance(content, list | tuple):
        return b"".join([as_bytes(chunk, name) for chunk in content])
    if isinstance(content, os.PathLike):
        raise ParameterError(f"{name} is content, not a path: open the file or use upload_file")
    iterable = hasattr(content, "__iter__") or hasattr(content, "__aiter__")
    # A mapping would give its keys, a set its items in any order.
    if isinstance(content, Mapping | Set) or not iterable:
        raise ParameterError(f"{name} is {_KINDS}, not {type(content).__name__}")
    return None


def as_bytes(chunk: Any, name: str = "Body") -> bytes:
    """Return what a file or an iterator gave as bytes.

    Args:
        chunk: what it gave.
        name: of the parameter.

    Raises:
        ParameterError: it gave something else.
    """
    if type(chunk) is bytes:
        return chunk
    if chunk is None:
        raise ParameterError(f"{name} has nothing to give yet: it has to be a blocking one")
    data = _buffer(chunk, name)
    if data is None:
        hint = ": encode it" if isinstance(chunk, str) else ""
        raise ParameterError(f"{name} gives {type(chunk).__name__}, not bytes{hint}")
    return data


def iterated(content: Any, name: str = "Body") -> Iterator[Any]:
    """Return an iterator over chunks.

    Raises:
        ParameterError: there is none, because they come asynchronously.
    """
    if not hasattr(content, "__iter__"):
        raise ParameterError(f"{name} is an asynchronous iterator: use AsyncClient for it")
    return iter(content)


def _encoded(text: str, name: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ParameterError(f"{name} is text that is no UTF-8: {error.reason}") from error


def _buffer(content: Any, name: str) -> bytes | None:
    try:
        with memoryview(content) as view:
            if "O" in view.format:
                raise ParameterError(f"{name} is a buffer of objects, which are no bytes")
            return view.tobytes()
    except (TypeError, ValueError, BufferError):
        return None


def checked_length(length: Any) -> int | None:
    """Return what a caller says that a body has, None if that is nothing.

    Raises:
        ParameterError: it is no number of bytes.
    """
    if length is None:
        return None
    text = "" if isinstance(length, bool) or not isinstance(length, int | str) else str(length)
    if not (text.isascii() and text.isdecimal()):
        raise ParameterError(f"ContentLength is a number of bytes, not {length!r}")
    return int(text)


def refuse_body_options(options: Mapping[str, Any]) -> None:
    """Make sure that a transfer was not told what only a single body has.

    Raises:
        ParameterError: it was.
    """
    for name in ("ContentLength", "ContentMD5"):
        if options.get(name) is not None:
            raise ParameterError(
                f"{name} is that of one request: a transfer finds the length by itself, and sends "
                "the MD5 with EnableMD5"
            )


def stretch_of(file: Any) -> tuple[int, int] | None:
    """Return a file's position and the bytes from there to its end, None if it does not tell.

    The second is 0 also for files of the kernel, whose size nobody knows before they are read.
    """
    if inspect.iscoroutinefunction(file.read):
        return None
    try:
        start = file.tell()
        file.seek(0, io.SEEK_END)  # not every file returns where it has come to
        end = file.tell()
        file.seek(start)
    except (AttributeError, OSError, ValueError):
        return None
    if not isinstance(start, int) or not isinstance(end, int):
        return None
    return start, max(end - start, 0)


class FileWatch:
    """Notices that an open file is written to while it is sent; nothing is known of others."""

    def __init__(self, file: Any) -> None:
        self._descriptor = _descriptor_of(file)
        self._state = self._look()

    def _look(self) -> FileState | None:
        if self._descriptor < 0:
            return None
        try:
            status = os.fstat(self._descriptor)
        except OSError:
            return None
        # Files of the kernel have no size, and dates that say nothing.
        whole = stat.S_ISREG(status.st_mode) and status.st_size
        return file_state(status) if whole else None

    def check(self) -> None:
        """Look whether the file is what it was.

        Raises:
            SourceChanged: it is not.
        """
        if self._state is not None and self._look() != self._state:
            raise SourceChanged("Body is a file that changed while it was sent")


def _descriptor_of(file: Any) -> int:
    try:
        number = file.fileno()
    except (AttributeError, OSError, ValueError):
        return -1
    return number if isinstance(number, int) else -1
