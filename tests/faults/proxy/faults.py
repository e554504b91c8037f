"""What can go wrong between a client and a server, one class for each way."""

import asyncio
from dataclasses import dataclass, replace
from typing import Literal

from coskit.protocol.codec.xml.error_document import encode_error
from coskit.protocol.errors import BY_CODE, CosServiceError
from tests.faults.proxy.proxy_steps import Change, Passage


@dataclass(frozen=True)
class Fault:
    """What happens to one request; here, nothing but that it passes."""

    async def play(self, passage: Passage) -> None:
        """Carry a request and its answer as far as they come."""
        await passage.ask()
        await passage.deliver(await passage.answer())


FAITHFUL = Fault()


@dataclass(frozen=True)
class Refuse(Fault):
    """The connection is reset once the head has come; the server is not asked."""

    async def play(self, passage: Passage) -> None:
        await passage.hang_up(reset=True)


@dataclass(frozen=True)
class CutRequest(Fault):
    """The connection ends, on both sides, after so many bytes of the request's body.

    A shorter body passes as a whole; the server may act on it, but nobody waits for its answer.
    """

    after: int = 0
    reset: bool = True

    async def play(self, passage: Passage) -> None:
        await passage.invite()
        await passage.ask(until=self.after)
        await passage.sent()
        await passage.hang_up(reset=self.reset)


@dataclass(frozen=True)
class CutResponse(Fault):
    """The connection ends after so many bytes of the answer's body, or all of a shorter one.

    A reset may take bytes along that the client had not read yet.
    """

    after: int = 0
    reset: bool = True

    async def play(self, passage: Passage) -> None:
        await passage.ask()
        await passage.deliver(await passage.answer(), until=self.after)
        await passage.hang_up(reset=self.reset)


@dataclass(frozen=True)
class DropReply(Fault):
    """The server acts and answers; the client gets nothing of it, the connection ends."""

    reset: bool = True

    async def play(self, passage: Passage) -> None:
        await passage.ask()
        await passage.swallow(await passage.answer())
        await passage.sent()
        await passage.hang_up(reset=self.reset)


@dataclass(frozen=True)
class Delay(Fault):
    """The request, or its answer, waits so many seconds before it goes on."""

    seconds: float
    where: Literal["request", "response"] = "response"

    async def play(self, passage: Passage) -> None:
        if self.where == "request":
            await asyncio.sleep(self.seconds)
        await passage.ask()
        answer = await passage.answer()
        if self.where == "response":
            await asyncio.sleep(self.seconds)
        await passage.deliver(answer)


@dataclass(frozen=True)
class Stall(Fault):
    """The request is read and never answered: the server is not asked, the connection stays.

    With a number, the server is asked, and its answer stops after so many bytes of the body.
    """

    after: int | None = None

    async def play(self, passage: Passage) -> None:
        if self.after is None:
            await passage.read_over()
        else:
            await passage.ask()
            await passage.deliver(await passage.answer(), until=self.after)
            await passage.sent()
        await passage.client.drain()
        await passage.hang_up(reset=True)


@dataclass(frozen=True)
class Status(Fault):
    """An answer of the proxy's own; the server is not asked.

    Attributes:
        status: of HTTP.
        code: of the error document; by default one that fits the status.
        headers: further ones.
        body: instead of the error document.
    """

    status: int
    code: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None

    async def play(self, passage: Passage) -> None:
        await passage.read_over()
        await self.give(passage)

    async def give(self, passage: Passage) -> None:
        """Answer the client."""
        body = self.body
        if body is None:
            body = _document(self.status, self.code) if self.status >= 300 else b""
        await passage.reply(self.status, b"" if self.status in (204, 304) else body, self.headers)


@dataclass(frozen=True)
class StatusAfter(Status):
    """The server acts, but the client is told this instead of the server's answer."""

    status: int = 500

    async def play(self, passage: Passage) -> None:
        await passage.ask()
        await passage.swallow(await passage.answer())
        await passage.sent()
        await self.give(passage)


@dataclass(frozen=True)
class SlowDown(Fault):
    """503 SlowDown, with Retry-After if it is given in seconds; the server is not asked."""

    retry_after: int | None = None

    async def play(self, passage: Passage) -> None:
        asked = () if self.retry_after is None else (("Retry-After", str(self.retry_after)),)
        await Status(503, "SlowDown", asked).play(passage)


@dataclass(frozen=True)
class Redirect(Fault):
    """The client is sent elsewhere; the server is not asked.

    Attributes:
        status: 301, 302, 307 or 308.
        location: by default a port on which nobody listens.
    """

    status: int = 301
    location: str = "http://127.0.0.1:1/elsewhere"

    async def play(self, passage: Passage) -> None:
        code = "TemporaryRedirect" if self.status in (302, 307) else "PermanentRedirect"
        await Status(self.status, code, (("Location", self.location),)).play(passage)


@dataclass(frozen=True)
class LateError(Fault):
    """A 200 whose body is an error document, as of a long call that fails after its head.

    Attributes:
        code: of the error.
        acted: whether the server did what it was asked all the same.
    """

    code: str = "InternalError"
    acted: bool = False

    async def play(self, passage: Passage) -> None:
        late = _document(500, self.code)
        headers = (("Content-Type", "application/xml"),)
        answer = Status if not self.acted else StatusAfter
        await answer(200, headers=headers, body=late).play(passage)


@dataclass(frozen=True)
class FlipByte(Fault):
    """One byte of a body is another: that at the offset, or the last of a shorter body.

    An empty body stays as it is, and so does a chunked one that is shorter.
    """

    offset: int = 0
    where: Literal["request", "response"] = "response"

    async def play(self, passage: Passage) -> None:
        if self.where == "request":
            await passage.ask(change=self._flip(passage.length))
            await passage.deliver(await passage.answer())
        else:
            await passage.ask()
            answer = await passage.answer()
            await passage.deliver(answer, change=self._flip(answer.body.length))

    def _flip(self, length: int | None) -> Change:
        place = min(self.offset, length - 1) if length else self.offset

        def change(start: int, content: bytes) -> bytes:
            at = place - start
            if not 0 <= at < len(content):
                return content
            return content[:at] + bytes([content[at] ^ 0x20]) + content[at + 1 :]

        return change


@dataclass(frozen=True)
class ShortBody(Fault):
    """The connection closes before the answer's last bytes, which its Content-Length counts."""

    missing: int = 1

    async def play(self, passage: Passage) -> None:
        await passage.ask()
        answer = await passage.answer()
        await passage.deliver(answer, until=max(0, (answer.body.length or 0) - self.missing))
        await passage.hang_up(reset=False)


@dataclass(frozen=True)
class ShortLength(Fault):
    """The answer's last bytes are missing and its Content-Length says so: it looks whole."""

    missing: int = 1

    async def play(self, passage: Passage) -> None:
        await passage.ask()
        answer = await passage.answer()
        left = max(0, (answer.body.length or 0) - self.missing)
        if answer.body.length:
            head = answer.head.with_field("content-length", str(left))
            await passage.deliver(replace(answer, head=head), until=left)
            await passage.swallow(answer)
        else:
            await passage.deliver(answer)


@dataclass(frozen=True)
class Duplicate(Fault):
    """The server gets the request twice, one after the other; the client gets the second answer.

    The only fault that holds the request's body in memory.
    """

    async def play(self, passage: Passage) -> None:
        await passage.invite()
        pieces = await passage.read()
        await passage.ask_with(pieces)
        await passage.swallow(await passage.answer())
        await passage.ask_with(pieces)
        await passage.deliver(await passage.answer())


@dataclass(frozen=True)
class HeaderCase(Fault):
    """The names of the answer's headers are spelled otherwise, as some proxies do."""

    case: Literal["lower", "upper"] = "lower"

    async def play(self, passage: Passage) -> None:
        await passage.ask()
        answer = await passage.answer()
        pairs = (field.partition(":") for field in answer.head.fields)
        spell = str.lower if self.case == "lower" else str.upper
        fields = tuple(f"{spell(name)}:{value}" for name, _, value in pairs)
        await passage.deliver(replace(answer, head=replace(answer.head, fields=fields)))


def _document(status: int, code: str) -> bytes:
    if not code:
        fitting = (name for name, error in BY_CODE.items() if error.status == status)
        code = "InternalError" if status == 500 else next(fitting, f"Status{status}")
    return encode_error(CosServiceError(code=code, status=status, request_id="from-the-proxy"))
