"""A streaming parser of multipart/form-data: the fields before the file, then the file."""

import logging
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator
from functools import partial

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from coskit.protocol.errors import IncorrectNumberOfFilesInPostRequest, MalformedPOSTRequest
from coskit.protocol.messages import decode_text

MEDIA_TYPE = "multipart/form-data"
FILE = "file"
MAX_FIELDS = 64 << 10  # bytes of all names and values before the file
# The parser logs each bad byte; the client gets an error response for it anyway.
_SILENT = logging.Logger("coskit.server.dialects.multipart_form", logging.CRITICAL + 1)
_MAX_HEADERS = 16 << 10  # bytes of the headers of a part
_MAX_OPTIONS = 4 << 10  # characters of a header: the parser takes quadratic time for its options


class MultipartForm:
    """A form that is being received; as an iterable it is the content of its file, read once.

    The fields and one chunk of the body are in memory.

    Args:
        body: the request's body.
        content_type: the request's Content-Type.

    Attributes:
        fields: the values by lower-case name; the first value of a repeated field counts.
        filename: the file's name as the client sent it.

    Raises:
        MalformedPOSTRequest: the Content-Type names no boundary, or is too long.
    """

    def __init__(self, body: AsyncIterable[bytes], content_type: str) -> None:
        boundary = _options(content_type).get(b"boundary", b"")
        self.fields: dict[str, str] = {}
        self.filename = ""
        self._chunks = aiter(body)
        self._events: deque[tuple[str, bytes]] = deque()
        self._header, self._value = bytearray(), bytearray()
        self._headers_size = 0
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": self._take_header,
                    "on_header_value": self._take_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": partial(self._note, "headers"),
                    "on_part_data": partial(self._note, "data"),
                    "on_part_end": partial(self._note, "part end"),
                    "on_end": partial(self._note, "end"),
                },
            )
        except FormParserError as cause:
            raise MalformedPOSTRequest("The boundary of the form is too long") from cause
        self._parser.logger = _SILENT
        if not boundary:
            raise MalformedPOSTRequest("The Content-Type names no boundary")

    @property
    def length(self) -> None:
        """None, because the length is known only at the file's end."""

    async def begin(self) -> None:
        """Read the fields up to the file.

        Raises:
            MalformedPOSTRequest: the body is not a form, or its fields take more than 64 KB.
            IncorrectNumberOfFilesInPostRequest: the form has no file.
        """
        taken = 0
        while (name := await self._next_part()) != FILE:
            if name is None:
                raise IncorrectNumberOfFilesInPostRequest("The form has no file")
            value = bytearray()
            while (event := await self._next())[0] == "data":
                value += event[1]
                if taken + len(name) + len(value) > MAX_FIELDS:
                    raise MalformedPOSTRequest(f"Fields take at most {MAX_FIELDS} bytes")
            taken += len(name) + len(value)
            self.fields.setdefault(name, decode_text(bytes(value)))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the file's chunks, then check that the form ends properly.

        Raises:
            MalformedPOSTRequest: the form is cut off, or a part behind the file has long headers.
            IncorrectNumberOfFilesInPostRequest: the form has another file.
        """
        while (event := await self._next())[0] == "data":
            yield event[1]
        while (name := await self._next_part()) is not None:
            if name == FILE:
                raise IncorrectNumberOfFilesInPostRequest("The form has more than one file")

    async def _next_part(self) -> str | None:
        """Return the lower-case name of the next part, or None at the form's end."""
        disposition = b""
        while (event := await self._next())[0] != "headers":
            if event[0] == "end":
                return None
            if event[0] == "disposition":
                disposition = event[1]
        options = _options(disposition.decode("latin-1"))
        name = decode_text(options.get(b"name", b"")).lower()
        if not name:
            raise MalformedPOSTRequest("A part of the form has no name")
        if name == FILE:
            self.filename = self.filename or decode_text(options.get(b"filename", b""))
        return name

    async def _next(self) -> tuple[str, bytes]:
        while not self._events:
            try:
                chunk = await anext(self._chunks)
                self._parser.write(chunk)
            except StopAsyncIteration:
                raise MalformedPOSTRequest("The form does not end") from None
            except FormParserError as cause:
                raise MalformedPOSTRequest("The body is no multipart/form-data") from cause
        return self._events.popleft()

    # Callbacks of the parser.

    def _note(self, kind: str, data: bytes = b"", start: int = 0, end: int = 0) -> None:
        self._events.append((kind, data[start:end]))

    def _begin_part(self) -> None:
        self._headers_size = 0
        self._note("begin")

    def _take_header(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._header += data[start:end]

    def _take_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._value += data[start:end]

    def _count_header(self, size: int) -> None:
        self._headers_size += size + 1  # an empty header counts as well
        if self._headers_size > _MAX_HEADERS:
            raise MalformedPOSTRequest(f"The headers of a part take at most {_MAX_HEADERS} bytes")

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._events.append(("disposition", bytes(self._value)))
        self._header.clear()
        self._value.clear()


def _options(header: str) -> dict[bytes, bytes]:
    """Return the options of a header such as `form-data; name="key"`.

    Raises:
        MalformedPOSTRequest: the header is too long.
    """
    if len(header) > _MAX_OPTIONS:
        raise MalformedPOSTRequest(f"A header of a form takes at most {_MAX_OPTIONS} bytes")
    return parse_options_header(header)[1]
