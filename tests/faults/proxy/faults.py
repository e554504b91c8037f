"""Faults between a client and a server, one class for each."""

import asyncio
from dataclasses import dataclass, replace
from typing import Literal

from coskit.protocol.codec.xml.error_document import encode_error
from coskit.protocol.errors import BY_CODE, CosServiceError
from tests.faults.proxy.proxy_steps import Change, ProxiedRequest


@dataclass(frozen=True)
class Fault:
    """A handler of one request; this base class forwards it unchanged."""

    async def play(self, request: ProxiedRequest) -> None:
        """Forward the request and its response as far as the fault lets them."""
        await request.forward()
        await request.deliver(await request.response())


PASS_THROUGH = Fault()


@dataclass(frozen=True)
class Refuse(Fault):
    """Reset the connection after the request's head; the server gets nothing."""

    async def play(self, request: ProxiedRequest) -> None:
        await request.close_connections(reset=True)


@dataclass(frozen=True)
class CutRequest(Fault):
    """Close both connections after `after` bytes of the request's body.

    A shorter body is forwarded whole. The server may act on it, but its response is not awaited.
    """

    after: int = 0
    reset: bool = True

    async def play(self, request: ProxiedRequest) -> None:
        await request.send_continue()
        await request.forward(until=self.after)
        await request.wait_sent()
        await request.close_connections(reset=self.reset)


@dataclass(frozen=True)
class CutResponse(Fault):
    """Close the connection after `after` bytes of the response's body, or after a shorter body.

    A reset may discard bytes that the client has not read yet.
    """

    after: int = 0
    reset: bool = True

    async def play(self, request: ProxiedRequest) -> None:
        await request.forward()
        await request.deliver(await request.response(), until=self.after)
        await request.close_connections(reset=self.reset)


@dataclass(frozen=True)
class DropReply(Fault):
    """Let the server act and respond, then close the connection without a response."""

    reset: bool = True

    async def play(self, request: ProxiedRequest) -> None:
        await request.forward()
        await request.discard(await request.response())
        await request.wait_sent()
        await request.close_connections(reset=self.reset)


@dataclass(frozen=True)
class Delay(Fault):
    """Delay the request or its response by some seconds."""

    seconds: float
    where: Literal["request", "response"] = "response"

    async def play(self, request: ProxiedRequest) -> None:
        if self.where == "request":
            await asyncio.sleep(self.seconds)
        await request.forward()
        response = await request.response()
        if self.where == "response":
            await asyncio.sleep(self.seconds)
        await request.deliver(response)


@dataclass(frozen=True)
class Stall(Fault):
    """Read the request and never respond: the server gets nothing, the connection stays open.

    With `after`, forward the request and stop after that many bytes of the response's body.
    """

    after: int | None = None

    async def play(self, request: ProxiedRequest) -> None:
        if self.after is None:
            await request.discard_body()
        else:
            await request.forward()
            await request.deliver(await request.response(), until=self.after)
            await request.wait_sent()
        await request.client.drain()
        await request.close_connections(reset=True)


@dataclass(frozen=True)
class Status(Fault):
    """Respond with a status instead of the server, which gets nothing.

    Attributes:
        status: the HTTP status.
        code: the code in the error document; by default one that fits the status.
        headers: further headers.
        body: the body instead of an error document.
    """

    status: int
    code: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None

    async def play(self, request: ProxiedRequest) -> None:
        await request.discard_body()
        await self.give(request)

    async def give(self, request: ProxiedRequest) -> None:
        """Send the response to the client."""
        body = self.body
        if body is None:
            body = _document(self.status, self.code) if self.status >= 300 else b""
        await request.respond(self.status, b"" if self.status in (204, 304) else body, self.headers)


@dataclass(frozen=True)
class StatusAfter(Status):
    """Let the server act, then respond with a status instead of the server's response."""

    status: int = 500

    async def play(self, request: ProxiedRequest) -> None:
        await request.forward()
        await request.discard(await request.response())
        await request.wait_sent()
        await self.give(request)


@dataclass(frozen=True)
class SlowDown(Fault):
    """Respond with 503 SlowDown, optionally with Retry-After seconds; the server gets nothing."""

    retry_after: int | None = None

    async def play(self, request: ProxiedRequest) -> None:
        asked = () if self.retry_after is None else (("Retry-After", str(self.retry_after)),)
        await Status(503, "SlowDown", asked).play(request)


@dataclass(frozen=True)
class Redirect(Fault):
    """Respond with a redirect; the server gets nothing.

    Attributes:
        status: 301, 302, 307 or 308.
        location: the new URL; by default a port without a server.
    """

    status: int = 301
    location: str = "http://127.0.0.1:1/elsewhere"

    async def play(self, request: ProxiedRequest) -> None:
        code = "TemporaryRedirect" if self.status in (302, 307) else "PermanentRedirect"
        await Status(self.status, code, (("Location", self.location),)).play(request)


@dataclass(frozen=True)
class LateError(Fault):
    """Respond with a 200 whose body is an error document, as a long call that fails late.

    Attributes:
        code: the error code.
        acted: whether the server got the request and acted on it.
    """

    code: str = "InternalError"
    acted: bool = False

    async def play(self, request: ProxiedRequest) -> None:
        late = _document(500, self.code)
        headers = (("Content-Type", "application/xml"),)
        kind = StatusAfter if self.acted else Status
        await kind(200, headers=headers, body=late).play(request)


@dataclass(frozen=True)
class FlipByte(Fault):
    """Change one byte of a body: the one at the offset, or the last of a shorter body.

    An empty body and a shorter chunked body stay unchanged.
    """

    offset: int = 0
    where: Literal["request", "response"] = "response"

    async def play(self, request: ProxiedRequest) -> None:
        if self.where == "request":
            await request.forward(change=self._flip(request.length))
            await request.deliver(await request.response())
        else:
            await request.forward()
            response = await request.response()
            await request.deliver(response, change=self._flip(response.body.length))

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
    """Close the connection before the last bytes that the response's Content-Length counts."""

    missing: int = 1

    async def play(self, request: ProxiedRequest) -> None:
        await request.forward()
        response = await request.response()
        await request.deliver(response, until=max(0, (response.body.length or 0) - self.missing))
        await request.close_connections(reset=False)


@dataclass(frozen=True)
class ShortLength(Fault):
    """Drop the response's last bytes and adapt its Content-Length, so that it looks complete."""

    missing: int = 1

    async def play(self, request: ProxiedRequest) -> None:
        await request.forward()
        response = await request.response()
        left = max(0, (response.body.length or 0) - self.missing)
        if response.body.length:
            head = response.head.with_field("content-length", str(left))
            await request.deliver(replace(response, head=head), until=left)
            await request.discard(response)
        else:
            await request.deliver(response)


@dataclass(frozen=True)
class Duplicate(Fault):
    """Send the request to the server twice; the client gets the second response.

    This is the only fault that holds the request's body in memory.
    """

    async def play(self, request: ProxiedRequest) -> None:
        await request.send_continue()
        pieces = await request.read_body()
        await request.forward_chunks(pieces)
        await request.discard(await request.response())
        await request.forward_chunks(pieces)
        await request.deliver(await request.response())


@dataclass(frozen=True)
class HeaderCase(Fault):
    """Change the case of the response's header names, as some proxies do."""

    case: Literal["lower", "upper"] = "lower"

    async def play(self, request: ProxiedRequest) -> None:
        await request.forward()
        response = await request.response()
        pairs = (field.partition(":") for field in response.head.fields)
        spell = str.lower if self.case == "lower" else str.upper
        fields = tuple(f"{spell(name)}:{value}" for name, _, value in pairs)
        await request.deliver(replace(response, head=replace(response.head, fields=fields)))


def _document(status: int, code: str) -> bytes:
    if not code:
        fitting = (name for name, error in BY_CODE.items() if error.status == status)
        code = "InternalError" if status == 500 else next(fitting, f"Status{status}")
    return encode_error(CosServiceError(code=code, status=status, request_id="from-the-proxy"))
