"""The facts of one request that the access log and the metrics read."""

from dataclasses import dataclass


@dataclass(slots=True)
class RequestRecord:
    """Facts of a request and its response, filled in while the gateway works on them.

    Attributes:
        request_id: the id in the response and in the logs.
        time: the start of the request, in seconds since 1970.
        operation: the operation's name, or "-" before it is known.
        bucket: the bucket's name, or None.
        key: the object's key, or None.
        account: the account that signed the request, or None.
        status: the status of the response, 0 before it begins.
        error: the code of the error in the response, or "".
        received: the bytes of the request's body so far.
        sent: the bytes of the response's body so far.
    """

    request_id: str
    time: float
    operation: str = "-"
    bucket: str | None = None
    key: str | None = None
    account: str | None = None
    status: int = 0
    error: str = ""
    received: int = 0
    sent: int = 0
