"""Finding the object that a download is about, and opening parts of that object and of no other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coskit.client._async.body.streaming_body import AsyncBody
from coskit.client._async.concurrency import async_blocking
from coskit.client._async.transfer.context import in_part
from coskit.client._async.transfer.upload_stream import AsyncStreams
from coskit.client.request.range_check import RangeIgnored
from coskit.client.settings.argument_checks import text
from coskit.client.transfer.download_target import DownloadTarget
from coskit.client.transfer.parts import PartRange
from coskit.client.transfer.ranges import (
    FoundObject,
    Span,
    described,
    for_parts,
    plan_ranges,
    range_header,
    read_answer,
)
from coskit.client.transfer.state.download_state import SavedDownload, saved_download
from coskit.client.transfer.state.journal import Journal
from coskit.protocol.errors import (
    CosException,
    CosServiceError,
    IntegrityError,
    InvalidRange,
    ObjectChanged,
)

# The service's answers for an object that is not what it was.
_GONE = frozenset((404, 412, 416))
# What of a caller's options HEAD takes.
_FOR_HEAD = frozenset(("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5"))


@dataclass(frozen=True, slots=True)
class DownloadRequest:
    """What a caller wants to have downloaded, and how.

    Attributes:
        place: the parameters that name the object.
        options: the caller's further ones, for every request.
        step: bytes of a part, unless the object's size or target asks for more.
        threads: parts on their way at a time at most.
        check: compare the CRC64 of what has arrived with the object's.
    """

    place: Mapping[str, str]
    options: Mapping[str, Any]
    step: int
    threads: int
    check: bool

    def confirm(self, found: FoundObject, arrived: int) -> None:
        """Compare the CRC64 of all that has arrived with the object's, if both are to be had.

        Raises:
            IntegrityError: they differ.
        """
        if self.check and found.crc64 is not None and found.crc64 != arrived:
            raise IntegrityError(
                f"The object's CRC64 is {found.crc64}, but the {found.size} bytes that arrived "
                f"have {arrived}"
            )


def download_request(
    Bucket: str,
    Key: str,
    VersionId: str | None,
    step: int,
    threads: int,
    check: bool,
    options: Mapping[str, Any],
) -> DownloadRequest:
    """Return what a caller wants.

    Raises:
        ParameterError: it makes no sense.
    """
    if VersionId is not None:
        text("VersionId", VersionId)
    place = {"Bucket": Bucket, "Key": Key, **({"VersionId": VersionId} if VersionId else {})}
    return DownloadRequest(place, dict(options), step, threads, check)


@dataclass(frozen=True, slots=True)
class AsyncOpenedObject:
    """An object that was found, and the answer that told of it.

    Attributes:
        found: the object.
        headers: of the whole object.
        span: the bytes that are on their way in `body`.
        body: None if the answer was one to HEAD.
    """

    found: FoundObject
    headers: dict[str, Any]
    span: Span
    body: AsyncBody | None

    @property
    def is_whole(self) -> bool:
        """Whether the body is the whole object."""
        return self.body is not None and self.span == Span(0, self.found.size)

    def body_of(self, part: PartRange) -> AsyncBody | None:
        """Return the body if it is this part's."""
        return self.body if self.span == Span(part.offset, part.length) else None

    async def close(self) -> None:
        """Drop what was not read of the body."""
        if self.body is not None:
            await self.body.aclose()


class AsyncFinding(AsyncStreams):
    """How downloads find their objects."""

    async def _find_object(
        self, order: DownloadRequest, offset: int = 0, conditions: Mapping[str, str] | None = None
    ) -> AsyncOpenedObject:
        """Ask for some bytes of an object, which tells all there is to know about it.

        Args:
            order: what is wanted.
            offset: of the first byte.
            conditions: what binds the request beside the caller's own conditions.
        """
        bound: dict[str, Any] = {**order.place, **order.options, **(conditions or {})}
        asked = PartRange(1, offset, order.step)
        try:
            answer = await self.get_object(**bound, Range=range_header(asked))
        except InvalidRange:
            if offset:
                raise
            answer = await self.get_object(**bound)  # an empty object has no ranges
        except RangeIgnored:
            answer = await self.get_object(**bound)
        body: AsyncBody = answer["Body"]
        try:
            found, span = read_answer(answer)
            expected = Span(offset, min(order.step, found.size - offset))
            if span not in (expected, Span(0, found.size)):
                raise IntegrityError(
                    f"{expected.length} bytes from {offset} were asked for; the service answered "
                    f"with {span.length} from {span.offset}"
                )
        except IntegrityError:
            await body.aclose()
            raise
        return AsyncOpenedObject(found, described(answer, found), span, body)

    async def _open_part(
        self, order: DownloadRequest, found: FoundObject, part: PartRange
    ) -> AsyncBody:
        """Open one part of the object that was found, and of no other.

        Raises:
            ObjectChanged: it is not there any more.
        """
        bound = {**order.place, **for_parts(order.options), **found.conditions()}
        try:
            answer = await self.get_object(**bound, Range=range_header(part))
        except CosServiceError as error:
            if error.status in _GONE:
                gone = ObjectChanged("The object was replaced or deleted while it was downloaded")
                raise in_part(gone, part.number) from error
            in_part(error, part.number)
            raise
        except CosException as error:
            in_part(error, part.number)
            raise
        body: AsyncBody = answer["Body"]
        try:
            found.check(answer, part)
        except IntegrityError as error:
            await body.aclose()
            in_part(error, part.number)
            raise
        return body

    async def _left(self, journal: Journal | None, target: DownloadTarget) -> SavedDownload | None:
        """Return what the journal says, once what it says of another download is cleaned up."""
        if journal is not None and journal.stale:
            await async_blocking(target.forget, journal.stale.get("target", {}))
        return saved_download(journal)

    async def _find_again(
        self, order: DownloadRequest, target: DownloadTarget, left: SavedDownload | None
    ) -> tuple[AsyncOpenedObject, SavedDownload | None]:
        """Return the object that an interrupted download was about and what that has left.

        If the object is another one by now, what is left of the old one is thrown away.
        """
        if left is not None and left.parts:
            try:
                opened = await self._find_left(order, left)
                if (opened.found.etag, opened.found.size) == (left.found.etag, left.found.size):
                    return opened, left
                await opened.close()
            except CosServiceError as error:
                if error.status not in _GONE:
                    raise
        if left is not None:
            await async_blocking(target.forget, left.target)
        return await self._find_object(order), None

    async def _find_left(self, order: DownloadRequest, left: SavedDownload) -> AsyncOpenedObject:
        missing = [
            part
            for part in plan_ranges(left.found.size, left.step)
            if part.number not in left.parts
        ]
        held = left.held(order.options.get("IfMatch"))
        if missing:
            again = DownloadRequest(
                order.place, order.options, left.step, order.threads, order.check
            )
            return await self._find_object(again, missing[0].offset, held)
        known = {name: value for name, value in order.options.items() if name in _FOR_HEAD}
        asked: dict[str, Any] = {**order.place, **known, **held}
        head = dict(await self.head_object(**asked))
        found, _ = read_answer(head)
        return AsyncOpenedObject(found, described(head, found), Span(0, 0), None)
