"""multipart/form-data as it streams in: the fields before the file, then the file's bytes."""

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


class Form:
    """A form being received; as an iterable it is the content of its file, which is read once.

    It keeps the fields and one chunk of the body in memory.

    Attributes:
        fields: by lower-case name; of a repeated one the first counts.
        filename: that the client gave the file.
    """

    def __init__(self, body: AsyncIterable[bytes], content_type: str) -> None:
        """Take a body of this Content-Type; `begin` reads the fields.

        Raises:
            MalformedPOSTRequest: the Content-Type names no boundary.
        """
        boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
        self.fields: dict[str, str] = {}
        self.filename = ""
        self._chunks = aiter(body)
        self._events: deque[tuple[str, bytes]] = deque()
        self._header, self._value = b"", b""
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": partial(self._note, "begin"),
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
        if not boundary:
            raise MalformedPOSTRequest("The Content-Type names no boundary")

    @property
    def length(self) -> None:
        """None, for only the file's end tells how long it is."""

    async def begin(self) -> None:
        """Read the fields up to the file.

        Raises:
            MalformedPOSTRequest: it is no form, or its fields take more than 64 KB.
            IncorrectNumberOfFilesInPostRequest: it has no file.
        """
        taken = 0
        while (name := await self._next_part()) != FILE:
            if name is None:
                raise IncorrectNumberOfFilesInPostRequest("The form has no file")
            value = b""
            while (event := await self._next())[0] == "data":
                value += event[1]
                if taken + len(name) + len(value) > MAX_FIELDS:
                    raise MalformedPOSTRequest(f"Fields take at most {MAX_FIELDS} bytes")
            taken += len(name) + len(value)
            self.fields.setdefault(name, decode_text(value))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the file, then make sure that the form ends as it should.

        Raises:
            MalformedPOSTRequest: the form does not end.
            IncorrectNumberOfFilesInPostRequest: it has another file.
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
        options = parse_options_header(disposition.decode("latin-1"))[1]
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

    # Called by the parser.

    def _note(self, kind: str, data: bytes = b"", start: int = 0, end: int = 0) -> None:
        self._events.append((kind, data[start:end]))

    def _take_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _take_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._events.append(("disposition", self._value))
        self._header, self._value = b"", b""
