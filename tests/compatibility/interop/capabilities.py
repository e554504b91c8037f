"""Checks of a client's abilities, each of which compares every byte."""

import filecmp
import hashlib
import http.client
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from tests.compatibility.interop.client_rounds import Client

PART = 5 << 20
BIG = 100_000_000
SEEDED = "seeded/by coskit+.bin"
KEYS = [
    "a b",
    "a+b",
    "100%",
    "a%2Fb",
    "a&b=c",
    "a?b",
    "a#b",
    "a//b",
    "a/../b",
    ".hidden",
    "quo\"te's <tag>",
    "中文/文件",
    "emoji 😀",
    "x" * 850,
]
LISTED = [f"list/dir {d}/{n:03}" for d in range(4) for n in range(5)] + [
    f"list/top {n:02}" for n in range(12)
]
MANY = [f"many/{n:04}" for n in range(1_005)]  # more than a page holds
DESCRIBED = {"colour": "blue", "note": "a b; c=d"}
TAGS = {"team": "storage", "stage": "test 1"}
TYPE = "text/x-interop"


class Mismatch(AssertionError):
    """The client succeeded with a wrong result."""


def content(name: str, size: int = 70_000) -> bytes:
    """Return bytes that every process can compute from a name."""
    block = hashlib.shake_256(name.encode()).digest(min(size, 1 << 20))
    blocks = -(-size // max(len(block), 1))
    # Blocks differ, so that a lost or repeated one is detected.
    return b"".join(b"%08d" % n + block[8:] for n in range(blocks))[:size]


def left_behind(ability: str) -> dict[str, bytes]:
    """Return the objects that an ability leaves in the round's bucket, by key."""
    match ability:
        case "put":
            return {"put.bin": content("put"), "empty": b""}
        case "multipart":
            return {"multipart.bin": content("multipart", 4 * PART + 1_000)}
        case "stream":
            return {"stream.bin": b"".join(stream())}
        case "100 MB":
            return {"big.bin": content("big", BIG)}
        case "copy":
            return {"copy ü+.bin": content("copy")}
        case "presigned PUT":
            return {"presigned put ü+&.bin": content("presigned put")}
        case "special keys":
            return {f"keys/{key}"[:850]: content(key, 500) for key in KEYS}
        case "conditional PUT":
            return {"conditional.bin": content("first")}
    return {}


def stream() -> Iterator[bytes]:
    """Yield 6.5 MB in uneven chunks."""
    body = content("stream", 6_500_000)
    yield from (body[start : start + 999_983] for start in range(0, len(body), 999_983))


def put(client: Client) -> None:
    """Store an object and an empty one."""
    for key, body in left_behind("put").items():
        if not body and "put" in client.partial:
            continue
        client.put(client.workspace.bucket, key, body)
        _same(client.get(client.workspace.bucket, key), body)


def get(client: Client) -> None:
    """Read an object of coskit; reading a missing one is an error."""
    _same(client.get(client.workspace.shared, SEEDED), content(SEEDED))
    try:
        found = client.get(client.workspace.shared, "not there")
    except Exception:
        return
    raise Mismatch(f"an object that does not exist was read as {found[:80]!r}")


def ranged(client: Client) -> None:
    """Read a part of an object."""
    whole = content(SEEDED)
    _same(client.get_range(client.workspace.shared, SEEDED, 100, 4_099), whole[100:4_100])
    _same(client.get_range(client.workspace.shared, SEEDED, 0, 0), whole[:1])


def head(client: Client) -> None:
    """Get size and ETag; a missing object is detected."""
    said = client.head(client.workspace.shared, SEEDED)
    body = content(SEEDED)
    _equal(said and said.size, len(body))
    if said and said.etag:
        _equal(said.etag.strip('"'), hashlib.md5(body).hexdigest())
    _equal(client.head(client.workspace.shared, "not there"), None)


def listing(client: Client) -> None:
    """List with a prefix, with a delimiter, and over several pages."""
    shared = client.workspace.shared
    _equal(sorted(client.listed(shared, "list/", "").keys), sorted(LISTED))
    level = client.listed(shared, "list/", "/")
    _equal(sorted(level.keys), [key for key in LISTED if "top" in key])
    if "list" not in client.partial:
        _equal(sorted(level.prefixes), [f"list/dir {d}/" for d in range(4)])
    _equal(sorted(client.listed(shared, "many/", "").keys), MANY)


def multipart(client: Client) -> None:
    """Store an object in parts."""
    for key, body in left_behind("multipart").items():
        client.multipart(client.workspace.bucket, key, body)
        _same(client.get(client.workspace.bucket, key), body)


def copy(client: Client) -> None:
    """Copy an object between keys that need escaping."""
    bucket, source = client.workspace.bucket, "copied 中+.bin"
    for key, body in left_behind("copy").items():
        client.put(bucket, source, body)
        client.copy(bucket, source, key)
        _same(client.get(bucket, key), body)


def delete(client: Client) -> None:
    """Delete an object."""
    bucket, key = client.workspace.bucket, "to be deleted ü+"
    client.put(bucket, key, b"x")
    client.delete(bucket, key)
    _equal(client.listed(bucket, "to be deleted", "").keys, [])


def delete_many(client: Client) -> None:
    """Delete several objects with one call and leave the others."""
    bucket, prefix = client.workspace.bucket, "many/dropped/"
    keys = [f"{prefix}{n} & <ü>+" for n in range(4)]
    kept = "many/kept"
    for key in [*keys, kept]:
        client.put(bucket, key, b"x")
    client.delete_many(bucket, prefix, keys)
    _equal(client.listed(bucket, "many/", "").keys, [kept])


def versions(client: Client) -> None:
    """List, read and delete versions."""
    bucket, key = client.workspace.versioned, "versions ü+.bin"
    for text in (b"old", b"new"):
        client.put(bucket, key, text)
    new, old = client.versions(bucket, key)
    _same(client.get_version(bucket, key, old), b"old")
    _same(client.get_version(bucket, key, new), b"new")
    if "versions" in client.partial:
        return
    client.delete_version(bucket, key, new)
    _equal(client.versions(bucket, key), [old])
    _same(client.get(bucket, key), b"old")


def presigned_get(client: Client) -> None:
    """Sign a URL that a plain HTTP client reads."""
    url = client.presign_get(client.workspace.shared, SEEDED)
    _same(fetch(client, "GET", url), content(SEEDED))


def presigned_put(client: Client) -> None:
    """Sign a URL that a plain HTTP client writes."""
    for key, body in left_behind("presigned PUT").items():
        fetch(client, "PUT", client.presign_put(client.workspace.bucket, key), body)
        _same(client.get(client.workspace.bucket, key), body)


def special_keys(client: Client) -> None:
    """Store, list and read keys with every kind of character."""
    bucket = client.workspace.bucket
    objects = zip(KEYS, left_behind("special keys").items(), strict=True)
    stored = [(key, body) for name, (key, body) in objects if name not in client.unsupported_keys]

    def there_and_back(key: str, body: bytes) -> None:
        try:
            client.put(bucket, key, body)
            _same(client.get(bucket, key), body)
        except Exception as error:
            raise Mismatch(f"key {key[:30]!r}: {error}") from error

    with ThreadPoolExecutor(client.threads) as pool:
        list(pool.map(there_and_back, *zip(*stored, strict=True)))
    found = client.listed(bucket, "keys/", "").keys
    _equal(sorted(found), sorted(key for key, _ in stored))


def big_file(client: Client) -> None:
    """Upload a file of 100 MB and download it."""
    bucket, scratch = client.workspace.bucket, client.workspace.scratch
    up, down = scratch / "up.bin", scratch / "down.bin"
    for key, body in left_behind("100 MB").items():
        up.write_bytes(body)
        client.upload(up, bucket, key)
        client.download(bucket, key, down)
        if not filecmp.cmp(up, down, shallow=False):
            raise Mismatch(f"the downloaded file differs; it has {down.stat().st_size} bytes")
    up.unlink()
    down.unlink()


def metadata(client: Client) -> None:
    """Store and read content type and metadata."""
    bucket, key = client.workspace.bucket, "described.bin"
    client.put_described(bucket, key, b"described", TYPE, DESCRIBED)
    said = client.head(bucket, key)
    if said is None:
        raise Mismatch("the object does not exist")
    _equal(said.content_type, TYPE)
    if "metadata" in client.partial:
        return
    _equal({name.lower(): value for name, value in (said.metadata or {}).items()}, DESCRIBED)


def tags(client: Client) -> None:
    """Store and read tags."""
    bucket, key = client.workspace.bucket, "tagged.bin"
    client.put(bucket, key, b"tagged")
    client.put_tags(bucket, key, TAGS)
    _equal(dict(client.get_tags(bucket, key)), TAGS)


def conditional_put(client: Client) -> None:
    """Store an object only if the key is free."""
    bucket = client.workspace.bucket
    for key, body in left_behind("conditional PUT").items():
        _equal(client.put_new(bucket, key, body), True)
        _equal(client.put_new(bucket, key, b"second"), False)
        _same(client.get(bucket, key), body)


def checksums(client: Client) -> None:
    """Store and read with a checksum; a wrong one is refused."""
    bucket = client.workspace.bucket
    client.put_checked(bucket, "checked.bin", content("checked"))
    _same(client.get(bucket, "checked.bin"), content("checked"))
    try:
        client.put_wrong(bucket, "wrong.bin", content("wrong"))
    except Exception:
        _equal(client.listed(bucket, "wrong.bin", "").keys, [])
    else:
        raise Mismatch("a body was stored with a wrong checksum")


def streamed(client: Client) -> None:
    """Store a body of unknown length."""
    for key, body in left_behind("stream").items():
        client.put_stream(client.workspace.bucket, key, stream())
        _same(client.get(client.workspace.bucket, key), body)


ABILITIES: dict[str, Callable[[Client], None]] = {
    "put": put,
    "get": get,
    "range": ranged,
    "head": head,
    "list": listing,
    "multipart": multipart,
    "stream": streamed,
    "100 MB": big_file,
    "copy": copy,
    "delete": delete,
    "delete many": delete_many,
    "versions": versions,
    "presigned GET": presigned_get,
    "presigned PUT": presigned_put,
    "special keys": special_keys,
    "metadata": metadata,
    "tags": tags,
    "conditional PUT": conditional_put,
    "checksums": checksums,
}


def fetch(client: Client, method: str, url: str, body: bytes | None = None) -> bytes:
    """Send one plain request to the server, with the URL's host as Host header."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", client.workspace.port, timeout=60)
    try:
        target = f"{parts.path}?{parts.query}"
        connection.request(method, target, body, {"Host": parts.netloc})
        response = connection.getresponse()
        received = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise Mismatch(f"{method} {url} returned {response.status}: {received[:400]!r}")
    return received


def _same(found: bytes, expected: bytes) -> None:
    if found != expected:
        raise Mismatch(
            f"{len(found)} bytes instead of {len(expected)}: {found[:60]!r}, not {expected[:60]!r}"
        )


def _equal(found: object, expected: object) -> None:
    if found != expected:
        raise Mismatch(f"{_short(found)} instead of {_short(expected)}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 300 else f"{text[:300]}... ({len(text)} characters)"
