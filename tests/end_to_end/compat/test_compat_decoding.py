"""`StreamBody` decodes content codings completely or raises, in bounded memory.

Codings: RFC 9110 8.4.1, the ones that the vendor's SDK decodes by urllib3.
"""

import gzip
import io
import os
import stat
import threading
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import qcloud_cos

from coskit import compat
from coskit.compat.implementation.content_decoding import Decoded
from coskit.protocol.errors import CosClientError, IntegrityError
from coskit.testing import LocalServer
from tests.end_to_end.compat.test_compat_surface import conf_of

TEXT = os.urandom(1000) + b"plain " * 50_000


def raw_deflate(data: bytes) -> bytes:
    """Return raw `deflate` as some senders use it, without zlib's header and checksum."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


class ShortReads:
    """A body with the shortest reads."""

    def __init__(self, data: bytes, step: int = 1) -> None:
        self._file, self._step = io.BytesIO(data), step

    def read(self, size: int = -1) -> bytes:
        return self._file.read(min(size, self._step) if size > 0 else self._step)


WHOLE = {
    "gzip": ("gzip", gzip.compress(TEXT)),
    "x-gzip": ("x-gzip", gzip.compress(TEXT)),
    "GZIP": ("GZIP", gzip.compress(TEXT)),
    "two members": ("gzip", gzip.compress(TEXT[:7]) + gzip.compress(TEXT[7:])),
    "an empty member": ("gzip", gzip.compress(b"") + gzip.compress(TEXT)),
    "zlib": ("deflate", zlib.compress(TEXT)),
    "raw deflate": ("deflate", raw_deflate(TEXT)),
    "one after the other": ("deflate, gzip", gzip.compress(zlib.compress(TEXT))),
    "gzip twice": ("gzip,gzip", gzip.compress(gzip.compress(TEXT))),
    "identity": ("identity", TEXT),
    "no coding": ("aws-chunked", TEXT),
    "none": ("", TEXT),
    "beside no coding": ("aws-chunked, gzip", gzip.compress(TEXT)),
}


def everything(decoded: Decoded, size: int) -> bytes:
    """Read to the end and check the length of each read."""
    pieces = []
    while piece := decoded.read(size):
        assert len(piece) <= size
        pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("case", WHOLE)
@pytest.mark.parametrize("size", [7_001, 1 << 20])
def test_all_of_it_is_decoded(case: str, size: int) -> None:
    codings, stored = WHOLE[case]
    assert everything(Decoded(io.BytesIO(stored), codings), size) == TEXT
    assert everything(Decoded(ShortReads(stored, 100), codings), size) == TEXT
    assert Decoded(io.BytesIO(stored), codings).read(-1) == TEXT


@pytest.mark.parametrize("coding", ["gzip", "deflate", "deflate, gzip"])
def test_nothing_decodes_to_nothing(coding: str) -> None:
    assert Decoded(io.BytesIO(b""), coding.split(",")[0]).read(10) == b""


def test_single_bytes_are_enough() -> None:
    for coding, stored in (("gzip", gzip.compress(b"a")), ("deflate", zlib.compress(b"a"))):
        assert everything(Decoded(ShortReads(stored), coding), 1) == b"a"


FAULTY = {
    "gzip cut": ("gzip", gzip.compress(TEXT)[:-1]),
    "gzip cut in the middle": ("gzip", gzip.compress(TEXT)[:500]),
    "gzip cut in its head": ("gzip", gzip.compress(TEXT)[:5]),
    "second member cut": ("gzip", gzip.compress(TEXT) + gzip.compress(TEXT)[:20]),
    "gzip with another sum": ("gzip", gzip.compress(TEXT)[:-8] + bytes(8)),
    "no gzip": ("gzip", b"123456"),
    "more after gzip": ("gzip", gzip.compress(TEXT) + b"junk"),
    "zlib cut": ("deflate", zlib.compress(TEXT)[:-1]),
    "zlib with another sum": ("deflate", zlib.compress(TEXT)[:-4] + bytes(4)),
    "raw deflate cut": ("deflate", raw_deflate(TEXT)[:-1]),
    "a single byte": ("deflate", b"x"),
    "more after zlib": ("deflate", zlib.compress(TEXT) + b"junk"),
    "inner cut": ("deflate, gzip", gzip.compress(zlib.compress(TEXT)[:-1])),
    "outer cut": ("deflate, gzip", gzip.compress(zlib.compress(TEXT))[:-1]),
}


@pytest.mark.parametrize("case", FAULTY)
def test_what_is_cut_or_damaged_is_an_error_and_stays_one(case: str) -> None:
    codings, stored = FAULTY[case]
    decoded = Decoded(io.BytesIO(stored), codings)
    with pytest.raises(IntegrityError):
        everything(decoded, 1 << 16)
    with pytest.raises(IntegrityError):
        decoded.read(1)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "deflate, gzip"])
def test_memory_is_bounded_for_any_content(coding: str) -> None:
    bomb = zlib.compress(bytes(64 << 20))
    stored = {"gzip": gzip.compress(bytes(64 << 20)), "deflate": bomb}.get(
        coding, gzip.compress(bomb)
    )
    decoded = Decoded(io.BytesIO(stored), coding)
    tracemalloc.start()
    try:
        assert len(decoded.read(4096)) == 4096
        assert sum(len(decoded.read(4096)) for _ in range(100)) == 409_600
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("coding", "package"), [("br", "brotli"), ("zstd", "zstandard")])
def test_a_coding_that_needs_a_package_says_which(coding: str, package: str) -> None:
    try:
        module: Any = __import__(package)
    except ModuleNotFoundError:
        with pytest.raises(CosClientError, match=package):
            Decoded(io.BytesIO(b"x"), coding)
        return
    pack = module.compress if coding == "br" else module.ZstdCompressor().compress
    stored = pack(TEXT)
    assert everything(Decoded(io.BytesIO(stored), coding), 7_001) == TEXT
    assert everything(Decoded(ShortReads(stored), coding), 1 << 20) == TEXT
    for faulty in (stored[:-1], stored + b"junk", stored[: len(stored) // 2]):
        with pytest.raises(IntegrityError):
            everything(Decoded(io.BytesIO(faulty), coding), 1 << 20)
    bomb = Decoded(io.BytesIO(pack(bytes(64 << 20))), coding)
    tracemalloc.start()
    try:
        assert len(bomb.read(4096)) == 4096
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.fixture
def client(server: LocalServer) -> Iterator[compat.CosS3Client]:
    """Yield a client of the server."""
    with compat.CosS3Client(conf_of(server), retry=0) as made:
        yield made


def test_both_sdks_decode_where_they_stream(
    client: compat.CosS3Client, server: LocalServer, bucket: str, tmp_path: Path
) -> None:
    stored = gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:])
    client.put_object(bucket, stored, "a", ContentEncoding="gzip")
    place: dict[str, Any] = {
        "Region": "ap-local",
        "Scheme": "http",
        "IP": "127.0.0.1",
        "Port": server.port,
    }
    keys = {"SecretId": server.secret_id, "SecretKey": server.secret_key}
    for sdk in (client, qcloud_cos.CosS3Client(qcloud_cos.CosConfig(**place, **keys))):

        def body(sdk: Any = sdk) -> Any:
            return sdk.get_object(bucket, "a")["Body"]

        assert b"".join(body().get_stream(5000)) == TEXT
        assert b"".join(body()) == TEXT
        assert body().read(len(stored)) == stored
        assert body().get_raw_stream().read() == stored
        body().get_stream_to_file(str(tmp_path / "raw"))
        assert (tmp_path / "raw").read_bytes() == stored
        body().get_stream_to_file(str(tmp_path / "plain"), auto_decompress=True)
        assert (tmp_path / "plain").read_bytes() == TEXT
        with (tmp_path / "there").open("w+b") as file:
            file.write(b"head")
            body().pget_stream_to_file(file, 4, len(stored))
        assert (tmp_path / "there").read_bytes() == b"head" + stored


def test_a_file_is_unchanged_when_content_is_damaged(
    client: compat.CosS3Client, bucket: str, tmp_path: Path
) -> None:
    client.put_object(bucket, gzip.compress(TEXT)[:-1], "a", ContentEncoding="gzip")
    (tmp_path / "f").write_bytes(b"old")
    body = client.get_object(bucket, "a")["Body"]
    with pytest.raises(IntegrityError):
        body.get_stream_to_file(tmp_path / "f", auto_decompress=True)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("f", b"old")]


@pytest.mark.parametrize("auto_decompress", [False, True])
@pytest.mark.parametrize("disable_tmp_file", [False, True])
def test_pipes_links_and_modes_stay_what_they_are(
    client: compat.CosS3Client,
    bucket: str,
    tmp_path: Path,
    auto_decompress: bool,
    disable_tmp_file: bool,
) -> None:
    stored = gzip.compress(TEXT)
    client.put_object(bucket, stored, "a", ContentEncoding="gzip")
    wanted = TEXT if auto_decompress else stored

    def fetch(path: Path) -> None:
        body = client.get_object(bucket, "a")["Body"]
        body.get_stream_to_file(path, disable_tmp_file, auto_decompress)

    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    inode = (tmp_path / "real").stat().st_ino
    fetch(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == wanted
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o640
    assert ((tmp_path / "real").stat().st_ino == inode) is disable_tmp_file

    os.mkfifo(tmp_path / "pipe")
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    fetch(tmp_path / "pipe")
    reader.join()
    assert found == [wanted]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
