"""The input of a handler and its result."""

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
    """The sender of a request.

    Attributes:
        account: `<account>`, `<account>/<sub>`, or None for an anonymous client.
        session_policy: the policy that narrows a temporary key, or None.
        request_context: the request's properties that conditions of policies name.
    """

    account: str | None
    session_policy: Policy | None = None
    request_context: RequestContext | None = None

    @property
    def root_account(self) -> str:
        """The account that owns what the principal creates, or "" for an anonymous client."""
        return (self.account or "").partition("/")[0]

    @property
    def is_root_account(self) -> bool:
        """True for an account itself; false for a sub-account or an anonymous client."""
        return self.account is not None and "/" not in self.account

    def owns(self, owner: str) -> bool:
        """Return whether the principal is the owner."""
        return self.account is not None and self.account == owner


class IncomingBody(Protocol):
    """The body of a request, which can be read once."""

    @property
    def length(self) -> int | None:
        """Content-Length, or None if the body is chunked."""
        ...

    @property
    def trailers(self) -> Mapping[str, str]:
        """The fields after the body, by lower-case name; complete once the body has ended."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body's chunks.

        Raises:
            CosServiceError: the body ended too early, or differs from what was signed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """One request that is decoded and permitted.

    Attributes:
        store: the store with all buckets and objects.
        operation: the operation's row.
        principal: the sender of the request.
        params: the row's parameters, under the SDK's names.
        headers: the request's headers by lower-case name.
        body: the request's body; empty where the row has none.
        origin: scheme and host of the request's URL.
        path: the decoded path, with the bucket in it unless the host names the bucket.
        region: the server's region.
        now: milliseconds since 1970.
        rules: the requirements of the request's dialect.
        target: the bucket, or None if the row is about the service or creates the bucket.
        restore_delays: the duration of restores, by tier.
        master_key: the server's encryption key, 32 bytes.
        account_exists: returns whether there is an account of a given id.
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
        """The bucket. Only rows about a bucket or an object have one."""
        assert self.target is not None, f"{self.operation.name} is not about a bucket"
        return self.target

    @property
    def key(self) -> str:
        """The object's key."""
        return str(self.params["Key"])


class OutgoingBody(Protocol):
    """An object's bytes as a stream of chunks."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield chunks."""
        ...

    async def aclose(self) -> None:
        """Stop reading and release the files."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """The result of a handler: the dict that the SDK documents, and an object's bytes apart.

    Attributes:
        result: the result's members.
        status: the HTTP status; 0 is the row's usual one.
        body: the object's bytes, or None if the result is a document or has no body.
    """

    result: Mapping[str, Any] = field(default_factory=dict)
    status: int = 0  # 0 is the row's usual one
    body: bytes | OutgoingBody | None = None
