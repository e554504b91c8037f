"""Clocks that stand, fetches that count, and what a client signed with."""

import threading

from coskit import Credentials
from tests.client.stubs.scripted import http_response

BUCKET = "examplebucket-1250000000"
START = 1_700_000_000.0
LIMIT = 30  # seconds until a test that hangs gives up
FOUND = http_response(200, b"content", {"ETag": '"e"'})


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class Fetch:
    """A fetch of keys that counts its calls; its result and its failure are set by the test.

    Attributes:
        calls: how often it was called.
        lifetime: seconds for which its keys are valid; None for ever.
        failure: raised instead.
    """

    def __init__(self, clock: Clock, lifetime: float | None = 3600.0) -> None:
        self._clock = clock
        self.calls = 0
        self.lifetime = lifetime
        self.failure: Exception | None = None

    def __call__(self) -> Credentials:
        self.calls += 1
        if self.failure is not None:
            raise self.failure
        expires = None if self.lifetime is None else self._clock() + self.lifetime
        return Credentials(f"id-{self.calls}", "secret-key", "token", expires)


class Gate:
    """A fetch that stands still until it is let go on."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self) -> Credentials:
        self.entered.set()
        assert self.open.wait(LIMIT)
        return self._fetch()


def fixed_keys() -> Credentials:
    """Fetch, as a function that a pickle can name."""
    return Credentials("id", "secret-key")


def signed_by(request: tuple[bytes, bytes]) -> tuple[str, str]:
    """Return the secret id and the token that a request came with."""
    head = request[0].decode()
    token = head.partition("x-cos-security-token: ")[2].partition("\r\n")[0]
    return head.partition("q-ak=")[2].partition("&")[0], token
