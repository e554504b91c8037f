"""What a server is told when it starts, and the keys it keeps."""

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
    """What a server bears.

    Attributes:
        head: seconds in which the head of a request has to be complete.
        idle: seconds for which a connection may be without a request.
        body: seconds for which nothing of a body may come.
        response: seconds for which a client may take nothing of its answer.
        queue: seconds for which a request may wait for its turn.
        grace: seconds that running requests have when the server ends.
        requests: how many are worked on at a time.
        strangers: how many of these may be of nobody who is known; None is half of them.
        stranger: seconds for which nothing of a stranger's body may come, and in which the fields
            of a form have to be complete.
        waiting: how many may wait for their turn.
        commits: changes that may wait for the index before further writes are turned away.
        memory: bytes that bodies on their way in and out share.
        reserve: bytes of the disk that are left free: for deletions, which have to write as well.
        slowest: bytes per second that a body has to come with, on average over `body` seconds.
    """

    head: float = 20
    idle: float = 75
    body: float = 60
    response: float = 120
    queue: float = 10
    grace: float = 30
    requests: int = 1024
    strangers: int | None = None
    stranger: float = 15
    waiting: int = 1024
    commits: int = 1024
    memory: int = 256 << 20
    reserve: int = 32 << 20
    slowest: int = 1024

    def of_strangers(self) -> "Limits":
        """Return the limits of requests that are not known to be anybody's."""
        half = max(1, self.requests // 2)
        return replace(self, requests=half if self.strangers is None else self.strangers)

    def shared(self, workers: int) -> "Limits":
        """Return the share of each of several workers in what is counted."""
        return replace(
            self,
            requests=-(-self.requests // workers),
            strangers=None if self.strangers is None else -(-self.strangers // workers),
            waiting=-(-self.waiting // workers),
            commits=-(-self.commits // workers),
            memory=-(-self.memory // workers),
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a server.

    Attributes:
        directory: where everything is kept.
        keys: secret key and account by secret id.
        region: the name that clients see.
        buckets: created at start if they are missing.
        domains: further domains under which a label names a bucket.
        restore_delays: how long restores take, in milliseconds, by storage class and tier.
        lifecycle_interval: milliseconds from one pass over the lifecycle rules to the next.
        day_length: milliseconds that lifecycle rules take for a day.
        durability: what an answer 200 to a write means.
        scrub_rate: bytes in a second that the scrub reads, 0 for no scrub.
        scrub_period: milliseconds from the beginning of one scrub to that of the next.
        limits: what the server bears.
        metrics: who is told the metrics: `loopback`, `public` or, for nobody, `off`.
        access_log: the file for a line on each request, "-" for standard output, "" for none.
        workers: processes that serve the directory.
        longest_signature: milliseconds for which a signature may be valid; the seven days of S3's
            version 4 stay.
        trusted_proxies: whose word on a client's address, scheme and host counts.
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
    """Return the server's key pair, and whether it was made just now.

    It comes from COSKIT_SECRET_ID and COSKIT_SECRET_KEY, else from the directory, where it is kept
    readable for its owner only.

    Raises:
        ValueError: what the directory keeps is no key pair.
    """
    names = ("COSKIT_SECRET_ID", "COSKIT_SECRET_KEY")
    # As clients read them.
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
    """Return the 32 bytes that the server seals objects with, made at the first start.

    They lie in the directory, readable for its owner only: without them what was sealed is lost.

    Raises:
        ValueError: what the directory keeps is no such key.
    """
    file = directory / MASTER_KEY_FILE
    if not file.exists():
        new = directory / f"{MASTER_KEY_FILE}.new"
        new.unlink(missing_ok=True)  # of a start that was cut short
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
        raise ValueError(f"{file} holds no key; what was encrypted with it cannot be read")
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
