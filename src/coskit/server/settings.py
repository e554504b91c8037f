"""The settings and limits of a server, and the keys that it keeps in its directory."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from coskit.protocol.auth.credentials import Credentials, without_margin
from coskit.protocol.bucket.restore import DELAYS, Delays
from coskit.server.store.disk.durability import Durability
from coskit.server.trusted_proxies import Network

ACCOUNT = "1250000000"
MASTER_KEY_FILE = "master.key"
KEYS_FILE = "credentials.json"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits and timeouts of a server.

    Attributes:
        head: seconds in which the head of a request has to be complete.
        idle: seconds for which a connection may be without a request.
        body: seconds for which no byte of a body may come.
        response: seconds for which a client may read no byte of a response.
        queue: seconds for which a request may wait for its turn.
        grace: seconds that running requests have when the server ends.
        requests: the number of requests that run at a time.
        anonymous_requests: the number of these without a known sender; None is half of them.
        anonymous_body: seconds for which no byte of an anonymous request's body may come, and in
            which the fields of a form have to be complete.
        waiting: the number of requests that may wait for their turn.
        commits: changes that may wait for the index before further writes are refused.
        memory: bytes of memory for all bodies on their way in and out.
        reserve: bytes of the disk to leave free for deletions, which have to write as well.
        slowest: bytes per second with which a body has to come, on average over `body` seconds.
    """

    head: float = 20
    idle: float = 75
    body: float = 60
    response: float = 120
    queue: float = 10
    grace: float = 30
    requests: int = 1024
    anonymous_requests: int | None = None
    anonymous_body: float = 15
    waiting: int = 1024
    commits: int = 1024
    memory: int = 256 << 20
    reserve: int = 32 << 20
    slowest: int = 1024

    def for_anonymous(self) -> "Limits":
        """Return the limits of anonymous requests."""
        half = max(1, self.requests // 2)
        given = self.anonymous_requests
        return replace(self, requests=half if given is None else given)

    def shared(self, workers: int) -> "Limits":
        """Return the share of each of several workers in the limits that count."""
        anonymous = self.anonymous_requests
        return replace(
            self,
            requests=-(-self.requests // workers),
            anonymous_requests=None if anonymous is None else -(-anonymous // workers),
            waiting=-(-self.waiting // workers),
            commits=-(-self.commits // workers),
            memory=-(-self.memory // workers),
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a server.

    Attributes:
        directory: the directory with all data.
        keys: the secret key and the account of each secret id.
        region: the region's name for clients.
        buckets: the buckets to create at start if they are missing.
        domains: further domains under which a label names a bucket.
        restore_delays: the milliseconds that restores take, by storage class and tier.
        lifecycle_interval: the milliseconds from one pass over the lifecycle rules to the next.
        day_length: the milliseconds that count as a day in lifecycle rules.
        durability: the guarantee that a response 200 to a write gives.
        scrub_rate: the bytes that the scrub reads in a second, 0 for no scrub.
        scrub_period: the milliseconds from the beginning of one scrub to that of the next.
        limits: the limits and timeouts.
        metrics: the clients that may read the metrics: `loopback`, `public` or `off`.
        access_log: the file of the access log, "-" for standard output, "" for none.
        workers: the number of processes that serve the directory.
        longest_signature: the milliseconds for which a signature may be valid; S3's version 4 keeps
            its limit of seven days.
        trusted_proxies: the proxies whose headers on the client's address, scheme and host count.
    """

    directory: Path
    keys: Mapping[str, tuple[str, str]] = field(repr=False)
    region: str = "ap-local"
    buckets: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    restore_delays: Delays = field(default_factory=lambda: DELAYS)
    lifecycle_interval: int = 3_600_000
    day_length: int = 86_400_000
    durability: Durability = "strict"
    scrub_rate: int = 20 << 20
    scrub_period: int = 30 * 86_400_000
    limits: Limits = Limits()
    metrics: str = "loopback"
    access_log: str = ""
    workers: int = 1
    longest_signature: int = 366 * 86_400_000
    trusted_proxies: tuple[Network, ...] = ()


def find_keys(directory: Path, environ: Mapping[str, str] = os.environ) -> tuple[Credentials, bool]:
    """Return the server's key pair, and whether it is new.

    The pair comes from COSKIT_SECRET_ID and COSKIT_SECRET_KEY, or else from a file in the
    directory that only its owner can read.

    Raises:
        ValueError: the file holds no key pair.
    """
    names = ("COSKIT_SECRET_ID", "COSKIT_SECRET_KEY")
    # Read as clients read them.
    secret_id, secret_key = (without_margin(environ.get(name, "")) for name in names)
    if secret_id and secret_key:
        return Credentials(secret_id, secret_key), False
    file = directory / KEYS_FILE
    if file.exists():
        return _read_keys(file), False
    made = Credentials(f"AKID{secrets.token_hex(16)}", secrets.token_urlsafe(24))
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = json.dumps({"secret_id": made.secret_id, "secret_key": made.secret_key}, indent=2)
    with open(file, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
        out.write(text + "\n")
        out.flush()
        os.fsync(out.fileno())
    return made, True


def _read_keys(file: Path) -> Credentials:
    try:
        kept = json.loads(file.read_text())
        return Credentials(kept["secret_id"], kept["secret_key"])
    except (ValueError, LookupError, TypeError) as cause:
        raise ValueError(f"{file} holds no key pair; without the file a new one is made") from cause


def find_master_key(directory: Path) -> bytes:
    """Return the 32 bytes of the key that encrypts objects, generated at the first start.

    They are in a file of the directory that only its owner can read. Without them encrypted
    objects are lost.

    Raises:
        ValueError: the file holds no such key.
    """
    file = directory / MASTER_KEY_FILE
    if not file.exists():
        new = directory / f"{MASTER_KEY_FILE}.new"
        new.unlink(missing_ok=True)  # left by an interrupted start
        with open(new, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            out.write(secrets.token_hex(32) + "\n")
            out.flush()
            os.fsync(out.fileno())
        new.replace(file)
        _sync(directory)
    try:
        key = bytes.fromhex(file.read_text().strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ValueError(f"{file} holds no valid key; objects encrypted with it cannot be read")
    return key


def _sync(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def key_ring(credentials: Credentials) -> dict[str, tuple[str, str]]:
    """Return the keys of a server with one account."""
    return {credentials.secret_id: (credentials.secret_key, ACCOUNT)}
