"""What a handler is given and what it gives back."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from coskit.protocol.bucket.policy import Policy
from coskit.protocol.bucket.policy_conditions import RequestContext
from coskit.protocol.bucket.restore import DELAYS, Delays
from coskit.protocol.model import Operation
from coskit.server.handlers.dialect_rules import COS_RULES, DialectRules
from coskit.server.store.model import Bucket
from coskit.server.store.store import Store


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sent a request, and how.

    Attributes:
        account: `<account>`, `<account>/<sub>`, or None for somebody unknown.
        limits: what a temporary key may do at most.
        about: what conditions of policies ask about.
    """

    account: str | None
    session_policy: Policy | None = None
    request_context: RequestContext | None = None

    @property
    def root_account(self) -> str:
        """The account that owns what the caller makes, or ""."""
        return (self.account or "").partition("/")[0]

    @property
    def is_root_account(self) -> bool:
        """Whether this is an account itself, not a sub-account nor somebody unknown."""
        return self.account is not None and "/" not in self.account

    def owns(self, owner: str) -> bool:
        """Return whether this is the owner."""
        return self.account is not None and self.account == owner


class IncomingBody(Protocol):
    """The body of a request, read once."""

    @property
    def length(self) -> int | None:
        """Content-Length, or None if the body is chunked."""
        ...

    @property
    def trailers(self) -> Mapping[str, str]:
        """What came after the body, by lower-case name; complete when the body has ended."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body's chunks.

        Raises:
            CosServiceError: the body ended too early, or is not what was signed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """One request, decoded and permitted.

    Attributes:
        store: where everything lives.
        operation: the row.
        principal: who asks.
        params: the row's parameters, as the SDK names them.
        headers: the request's headers by lower-case name.
        body: the request's body, where the row has one.
        origin: scheme and host that the client asked.
        path: decoded, with the bucket in it if the host does not name it.
        region: of this server.
        now: milliseconds since 1970.
        rules: what the dialect of the request demands.
        target: the bucket, unless the row is of the service or creates it.
        restore_delays: how long restores take.
        master_key: that the server seals objects with, 32 bytes.
        knows: whether there is an account of an id.
    """

    store: Store
    operation: Operation
    principal: Principal
    params: Mapping[str, Any]
    headers: Mapping[str, str]
    body: IncomingBody
    origin: str
    path: str
    region: str
    now: int
    rules: DialectRules = COS_RULES
    target: Bucket | None = None
    restore_delays: Delays = field(default_factory=lambda: DELAYS)
    master_key: bytes = field(default=b"", repr=False)
    account_exists: Callable[[str], bool] = lambda account: True

    @property
    def bucket(self) -> Bucket:
        """The bucket; only rows on one ask for it."""
        assert self.target is not None, f"{self.operation.name} is not about a bucket"
        return self.target

    @property
    def key(self) -> str:
        """The object's key."""
        return str(self.params["Key"])


class OutgoingBody(Protocol):
    """An object's bytes on their way out."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield chunks."""
        ...

    async def aclose(self) -> None:
        """Let go of what is being read."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers: the dict that the SDK documents, and an object's bytes apart."""

    result: Mapping[str, Any] = field(default_factory=dict)
    status: int = 0  # 0 is the row's usual one
    body: bytes | OutgoingBody | None = None
