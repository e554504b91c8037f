"""Checks of the content of a request body, before anything is sent."""

import inspect
import io
import os
import stat
from collections.abc import Iterator, Mapping, Set
from typing import Any

from coskit.protocol.errors import ParameterError, SourceChanged

# Marks the end of an iterator. None would not do: an iterator that yields None by mistake must
# not end a body early.
END = object()

_KINDS = "bytes, text, a binary file or chunks of bytes"

FileState = tuple[int, int, int, int, int]


def file_state(status: os.stat_result) -> FileState:
    """Return the values that change when a file is written or replaced.

    The time of the last change is among them, because the modification time can be set.
    """
    return (
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        status.st_dev,
    )


def in_memory(content: Any, name: str = "Body") -> bytes | None:
    """Return content that is in memory as bytes, or None for a file or an iterator.

    Text is encoded as UTF-8; a buffer such as an `array` gives its bytes, a list its chunks.

    Args:
        content: the value of the parameter.
        name: the name of the parameter.

    Raises:
        ParameterError: the value is neither content nor readable.
    """
    if type(content) is bytes:
        return content
    if isinstance(content, str):
        return _encoded(content, name)
    if isinstance(content, type):
        raise ParameterError(f"{name} must be {_KINDS}, not the class {content.__name__}")
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
        raise ParameterError(
            f"{name} must be content, not a path: open the file or use upload_file"
        )
    iterable = hasattr(content, "__iter__") or hasattr(content, "__aiter__")
    # A mapping would give its keys, a set its items in any order.
    if isinstance(content, Mapping | Set) or not iterable:
        raise ParameterError(f"{name} must be {_KINDS}, not {type(content).__name__}")
    return None


def as_bytes(chunk: Any, name: str = "Body") -> bytes:
    """Return a chunk of a file or an iterator as bytes.

    Args:
        chunk: the chunk.
        name: the name of the parameter.

    Raises:
        ParameterError: the chunk is not bytes.
    """
    if type(chunk) is bytes:
        return chunk
    if chunk is None:
        raise ParameterError(f"{name} has nothing to give yet: it must be a blocking one")
    data = _buffer(chunk, name)
    if data is None:
        hint = ": encode it" if isinstance(chunk, str) else ""
        raise ParameterError(f"{name} gives {type(chunk).__name__}, not bytes{hint}")
    return data


def iterated(content: Any, name: str = "Body") -> Iterator[Any]:
    """Return an iterator over the chunks of content.

    Raises:
        ParameterError: the content is an asynchronous iterator.
    """
    if not hasattr(content, "__iter__"):
        raise ParameterError(f"{name} is an asynchronous iterator: use AsyncClient for it")
    return iter(content)


def _encoded(text: str, name: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ParameterError(
            f"{name} is text that cannot be encoded as UTF-8: {error.reason}"
        ) from error


def _buffer(content: Any, name: str) -> bytes | None:
    try:
        with memoryview(content) as view:
            if "O" in view.format:
                raise ParameterError(f"{name} is a buffer of objects, which are not bytes")
            return view.tobytes()
    except (TypeError, ValueError, BufferError):
        return None


def checked_length(length: Any) -> int | None:
    """Return the `ContentLength` of a call as a number, or None if there is none.

    Raises:
        ParameterError: the value is not a number of bytes.
    """
    if length is None:
        return None
    text = "" if isinstance(length, bool) or not isinstance(length, int | str) else str(length)
    if not (text.isascii() and text.isdecimal()):
        raise ParameterError(f"ContentLength must be a number of bytes, not {length!r}")
    return int(text)


def refuse_body_options(options: Mapping[str, Any]) -> None:
    """Refuse options of a transfer that describe a single body.

    Raises:
        ParameterError: there is such an option.
    """
    for name in ("ContentLength", "ContentMD5"):
        if options.get(name) is not None:
            raise ParameterError(
                f"{name} is that of one request: a transfer finds the length by itself, and sends "
                "the MD5 with EnableMD5"
            )


def stretch_of(file: Any) -> tuple[int, int] | None:
    """Return a file's position and the bytes from there to its end, or None if they are unknown.

    The number of bytes is 0 for files of the kernel, whose size is unknown until they are read.
    """
    if inspect.iscoroutinefunction(file.read):
        return None
    try:
        start = file.tell()
        file.seek(0, io.SEEK_END)  # not every file returns the new position
        end = file.tell()
        file.seek(start)
    except (AttributeError, OSError, ValueError):
        return None
    if not isinstance(start, int) or not isinstance(end, int):
        return None
    return start, max(end - start, 0)


class FileWatch:
    """Detects that an open file is written while it is sent; other streams are not watched."""

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
        # Files of the kernel have no size, and their dates mean nothing.
        whole = stat.S_ISREG(status.st_mode) and status.st_size
        return file_state(status) if whole else None

    def check(self) -> None:
        """Compare the file with its first state.

        Raises:
            SourceChanged: the file changed.
        """
        if self._state is not None and self._look() != self._state:
            raise SourceChanged("Body is a file that changed while it was sent")


def _descriptor_of(file: Any) -> int:
    try:
        number = file.fileno()
    except (AttributeError, OSError, ValueError):
        return -1
    return number if isinstance(number, int) else -1
