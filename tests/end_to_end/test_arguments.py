"""Arguments and settings of a wrong type or out of range are refused by name."""

import math
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coskit import (
    AsyncClient,
    Client,
    CosServiceError,
    RetryPolicy,
    TransferSettings,
    TransportSettings,
    types,
)
from coskit.compat import CosConfig, CosS3Client
from coskit.encryption import AESKey, AsyncEncryptedClient, EncryptedClient
from coskit.protocol.errors import ParameterError
from coskit.testing import LocalServer
from tests.encryption.strategies import AES
from tests.faults.proxy.proxy import FaultProxy
from tests.support.worlds import World

WRONG: dict[str, list[Any]] = {
    "PartSize": ["5", 0, -1, 1.5, math.nan, True, None, [5]],
    "MAXThread": ["5", 0, -3, 2.0, False, None],
    "EnableMD5": ["false", 1, None],
    "EnableCRC": ["yes", 0],
    "Resume": ["False", 0, None],
    "Deadline": ["5", -1, math.nan, True],
    "progress_callback": ["print", 5],
    "action_callback": ["print"],
    "Delete": ["false", 1, None],
    "DryRun": ["no", None],
    "FollowSymlinks": ["no"],
    "OnError": ["halt", None, 5],
    "Compare": ["md5", None, ["size"]],
    "CopyStatus": ["Move", None, 5],
    "Include": ["*.txt", 5, None, [5], b"*"],
    "Exclude": ["*.txt", 5, [b"a"]],
    "Prefix": [5, None, b"a"],
    "VersionId": [5, b"a"],
    "LocalFilePath": [5, None, ["a"], 1.5, "a\0b"],
    "DestFilePath": [5, None, ["a"], "a\0b"],
    "LocalDir": [5, None, "a\0b"],
    "Source": [5, None],
    "Destination": [5, None],
}
SIMPLE = ("PartSize", "MAXThread", "progress_callback", "Deadline")
MANY = (
    *("Include", "Exclude", "DryRun", "OnError", "MAXThread", "progress_callback"),
    *("action_callback", "Deadline", "PartSize"),
)


@pytest.fixture(scope="module")
def proxy(server: LocalServer) -> Iterator[FaultProxy]:
    """Yield a proxy that records the requests."""
    with FaultProxy(server.port) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def world(
    request: pytest.FixtureRequest, server: LocalServer, proxy: FaultProxy
) -> Iterator[World]:
    """Yield each kind of client, connected to the proxy."""
    keys = {"secret_id": server.secret_id, "secret_key": server.secret_key}
    with World(request.param, endpoint=proxy.endpoint, **keys) as client:
        yield client


Call = Callable[..., Any]


def calls(world: World, folder: Path) -> dict[str, tuple[Call, dict[str, Any], tuple[str, ...]]]:
    """Return all transfers with valid arguments, and the arguments to make invalid."""
    there = {"Bucket": "examplebucket-1250000000", "Key": "k"}
    place = "cos://examplebucket-1250000000/p/"
    file = folder / "file"
    kind: Any = AsyncEncryptedClient if world._runner else EncryptedClient
    sealed: Any = kind(world.client, AES)
    bucket = {"Bucket": there["Bucket"]}
    up = {**there, "LocalFilePath": file}
    down = {**there, "DestFilePath": folder / "to"}
    source = {"Bucket": there["Bucket"], "Key": "s", "Region": "ap-local"}
    return {
        "upload_file": (world.upload_file, up, (*SIMPLE, "EnableMD5", "Resume", "LocalFilePath")),
        "upload_stream": (world.upload_stream, {**there, "Stream": b"a"}, (*SIMPLE, "EnableMD5")),
        "download_file": (
            world.download_file,
            down,
            (*SIMPLE, "EnableCRC", "Resume", "DestFilePath", "VersionId"),
        ),
        "download_fileobj": (
            world.download_fileobj,
            {**there, "Fileobj": (folder / "out").open("wb")},
            (*SIMPLE, "EnableCRC", "VersionId"),
        ),
        "copy": (world.copy, {**there, "CopySource": source}, (*SIMPLE, "CopyStatus")),
        "upload_dir": (
            world.upload_dir,
            {**bucket, "LocalDir": folder},
            (*MANY, "Prefix", "LocalDir", "FollowSymlinks", "Resume", "EnableMD5"),
        ),
        "download_dir": (
            world.download_dir,
            {**bucket, "LocalDir": folder},
            (*MANY, "Prefix", "LocalDir", "Resume", "EnableCRC"),
        ),
        "sync": (
            world.sync,
            {"Source": folder, "Destination": place},
            (*MANY, "Delete", "Compare", "FollowSymlinks", "Source", "Destination"),
        ),
        "sealed upload": (
            lambda **given: world.run(sealed.upload_file(**given)),
            up,
            (*SIMPLE, "EnableMD5", "Resume", "LocalFilePath"),
        ),
        "sealed download": (
            lambda **given: world.run(sealed.download_file(**given)),
            down,
            (*SIMPLE, "Resume", "DestFilePath"),
        ),
    }


def test_wrong_arguments_are_refused_by_name_and_nothing_is_sent(
    world: World, proxy: FaultProxy, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    sent = len(proxy.exchanges)
    for call, (function, right, names) in calls(world, tmp_path).items():
        for name in names:
            for wrong in WRONG[name]:
                reason = refusal(function, {**right, name: wrong})
                assert name in reason, (call, name, wrong)
        if "Fileobj" in right:
            right["Fileobj"].close()
    assert len(proxy.exchanges) == sent


# The options, and what the error must name: the call, and a similar option if there is one.
STRANGE: dict[str, list[tuple[str, Any, str]]] = {
    "upload_file": [
        ("StorageClas", "ARCHIVE", "upload_file has none; did you mean StorageClass?"),
        ("Partsize", 5, "upload_file has none; did you mean PartSize?"),
        ("Range", "bytes=0-1", "upload_file has none)"),
        ("Metadata", "x", "Metadata must be a dict of names and texts, not str"),
        ("Metadata", [("a", "b")], "Metadata must be a dict of names and texts, not list"),
        ("acl", "private", "upload_file has none; did you mean ACL?"),
    ],
    "upload_stream": [
        ("Resume", True, "upload_stream has none"),
        ("Metdata", {}, "Metadata?"),
        ("Metadata", 5, "Metadata must be a dict of names and texts, not int"),
    ],
    "download_file": [
        ("TraficLimit", 819200, "download_file has none; did you mean TrafficLimit?"),
        ("StorageClass", "ARCHIVE", "download_file has none"),
    ],
    "download_fileobj": [("Resume", True, "download_fileobj has none")],
    "copy": [
        ("TagingDirective", "Copy", "copy has none; did you mean TaggingDirective?"),
        ("EnableMD5", True, "copy has none"),
        ("Metadata", "a=b", "Metadata must be a dict of names and texts, not str"),
    ],
    "upload_dir": [
        ("ContentTyp", "a/b", "upload_dir has none; did you mean ContentType?"),
        ("EnableCRC", True, "upload_dir has none"),
    ],
    "download_dir": [
        ("ACL", "private", "download_dir has none"),
        ("Range", "bytes=0-1", "whole object"),
        ("Prefx", "a", "download_dir has none; did you mean Prefix?"),
    ],
    "sync": [("TaggingDirective", "Copy", "sync has none"), ("Delet", True, "mean Delete?")],
    "sealed upload": [
        ("Metdata", {"a": "b"}, "upload_file has none; did you mean Metadata?"),
        ("Metadata", "x", "Metadata must be a dict of names and texts, not str"),
    ],
    "sealed download": [("PartSze", 5, "download_file has none; did you mean PartSize?")],
}


def test_an_unknown_option_is_refused_with_the_transfers_name_before_anything_is_sent(
    world: World, proxy: FaultProxy, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    sent = len(proxy.exchanges)
    there = calls(world, tmp_path)
    assert there.keys() == STRANGE.keys()
    for call, (function, right, _) in there.items():
        for name, value, words in STRANGE[call]:
            reason = refusal(function, {**right, name: value})
            assert words in reason, (call, name)
        if "Fileobj" in right:
            right["Fileobj"].close()
    assert len(proxy.exchanges) == sent


def test_compat_methods_check_arguments_too(server: LocalServer, proxy: FaultProxy) -> None:
    settings: dict[str, Any] = {
        "Region": "ap-local",
        "Scheme": "http",
        "IP": "127.0.0.1",
        "Port": proxy.port,
    }
    sent = len(proxy.exchanges)
    with CosS3Client(CosConfig(SecretId="a", SecretKey="b", **settings)) as client:
        for name, wrong in (("PartSize", "5"), ("MAXThread", 0)):
            given = {"Bucket": "b-1250000000", "Key": "k", name: wrong}
            assert name in refusal(client.upload_file, {**given, "LocalFilePath": __file__})
            assert name in refusal(client.download_file, {**given, "DestFilePath": "/x"})
    assert len(proxy.exchanges) == sent


def refusal(function: Call, arguments: dict[str, Any]) -> str:
    """Return the error message of a refused call, or ""."""
    try:
        function(**arguments)
    except ParameterError as error:
        return str(error)
    return ""


SETTINGS: list[tuple[type[Any], str, list[Any]]] = [
    (TransferSettings, "memory", [0, "64", 1.5, None]),
    (TransferSettings, "files", [0, -1, True, "16"]),
    (TransferSettings, "journals", [5, ["a"], "a\0b"]),
    (RetryPolicy, "attempts", [0, -1, "3", 2.0, True, None]),
    (RetryPolicy, "base", [-1, "1", None, math.nan]),
    (RetryPolicy, "longest", [-0.1, "20", None]),
    (RetryPolicy, "budget", [-1, "500", None, True, math.nan]),
    (TransportSettings, "connect_timeout", [0, -1, "5", None, math.inf, (3, 5)]),
    (TransportSettings, "read_timeout", [0, -1, "60", None]),
    (TransportSettings, "total_timeout", [0, -1, "60", math.inf]),
    (TransportSettings, "verify", ["yes", "false", "/etc/ca.pem", 0, None]),
    (TransportSettings, "connections", [-1, "64", None]),
    (TransportSettings, "proxy", [5, {"http": "http://a"}]),
    (TransportSettings, "user_agent", [5, b"me"]),
    (TransportSettings, "ca_file", [5, True, "a\0b"]),
    (TransportSettings, "certificate", [("a", "b"), 5]),
    (TransportSettings, "longest_result", [0, "1"]),
]


@pytest.mark.parametrize(("kind", "name", "values"), SETTINGS)
def test_wrong_settings_are_refused_when_they_are_made(
    kind: type[Any], name: str, values: list[Any]
) -> None:
    for wrong in values:
        with pytest.raises(ParameterError, match=name):
            kind(**{name: wrong})


CLIENTS: list[tuple[str, list[Any]]] = [
    ("retry", [3, 0, {"attempts": 3}, RetryPolicy]),
    ("transport", [5, TransferSettings()]),
    ("transfers", [5, TransportSettings()]),
    ("config", [{}, "config.toml"]),
    ("anonymous", ["false", 1, None]),
    ("failover", ["no", 0]),
    ("path_style", ["path", 1]),
    ("scheme", ["HTTP", "http://", None, 5]),
    ("region", [5, b"ap-guangzhou", "ap guangzhou", "ap-guangzhou\n", "a/b"]),
    ("endpoint", [5, b"http://a", "ftp://a", "http://a:99999", "http://a:0", "http://a b"]),
]


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(("name", "values"), CLIENTS)
def test_wrong_arguments_of_a_client_are_refused_by_name(
    kind: type[Any], name: str, values: list[Any]
) -> None:
    right = {"endpoint": "http://127.0.0.1:9", "secret_id": "i", "secret_key": "k"}
    for wrong in values:
        with pytest.raises(ParameterError, match=f"(?i){name}"):
            kind(**{**right, name: wrong})


def test_an_endpoint_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(ParameterError, match="neither user nor password") as refused:
        Client(endpoint="http://me:secret@host", secret_id="i", secret_key="k")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("endpoint", "scheme", "url"),
    [
        ("a.example.com", "https", "https://a.example.com"),
        ("a.example.com", "http", "http://a.example.com"),
        ("127.0.0.1:9000", "http", "http://127.0.0.1:9000"),
        ("https://a.example.com", "http", "https://a.example.com"),
        ("HTTP://a.example.com", "https", "http://a.example.com"),
    ],
)
def test_an_endpoint_without_a_scheme_gets_the_argument(
    endpoint: str, scheme: types.Scheme, url: str
) -> None:
    with Client(endpoint=endpoint, scheme=scheme, secret_id="i", secret_key="k") as client:
        assert repr(client) == f"Client({url})"


def test_an_error_for_a_bucket_without_its_appid_says_so(world: World, bucket: str) -> None:
    short = bucket.rpartition("-")[0]
    hint = f"end with the APPID, such as {short}-1250000000"
    for call in (world.head_bucket, world.list_objects, lambda b: world.put_object(b, b"", "k")):
        with pytest.raises(CosServiceError) as missing:
            call(short)
        assert hint in "".join(missing.value.__notes__)
        with pytest.raises(CosServiceError) as other:
            call("none-1250000000")
        assert not getattr(other.value, "__notes__", [])
    with pytest.raises(CosServiceError) as key:
        world.get_object(bucket, "none")
    assert not getattr(key.value, "__notes__", [])


@pytest.mark.parametrize("kind", [str, os.fsencode, Path])
def test_every_kind_of_path_is_accepted(
    server: LocalServer, bucket: str, tmp_path: Path, kind: Callable[[Any], Any]
) -> None:
    for world_kind in ("sync", "async"):
        keys = {"secret_id": server.secret_id, "secret_key": server.secret_key}
        settings = TransferSettings(journals=kind(tmp_path / "journals"))
        assert settings.journals == tmp_path / "journals"
        path, there = tmp_path / "file", tmp_path / "there"
        path.write_bytes(b"abc")
        with World(world_kind, endpoint=server.endpoint, transfers=settings, **keys) as world:
            world.upload_file(bucket, "d/k", kind(path))
            world.download_file(bucket, "d/k", kind(there))
            assert there.read_bytes() == b"abc"
            world.download_dir(bucket, kind(tmp_path / "folder"), "d")
            world.sync(kind(tmp_path / "folder"), f"cos://{bucket}/e/")
            assert world.fetch(bucket, "e/k") == b"abc"


@pytest.mark.parametrize("name", ["/proc/cpuinfo", "/proc/version", "/proc/self/status"])
@pytest.mark.skipif(not Path("/proc/version").exists(), reason="only Linux has such files")
def test_a_file_of_reported_size_0_is_uploaded_to_its_end(
    server: LocalServer, bucket: str, tmp_path: Path, name: str
) -> None:
    # proc(5): most files in /proc have a size of 0 and yet content.
    for kind in ("sync", "async"):
        keys = {"secret_id": server.secret_id, "secret_key": server.secret_key}
        with World(kind, endpoint=server.endpoint, **keys) as world:
            world.upload_file(bucket, "k", name)
            assert world.fetch(bucket, "k").splitlines()[:2] == first_lines(name)
            (tmp_path / "kernel").mkdir(exist_ok=True)
            link = tmp_path / "kernel" / "link"
            link.unlink(missing_ok=True)
            link.symlink_to(name)
            world.upload_dir(bucket, tmp_path / "kernel", "dir")
            assert world.fetch(bucket, "dir/link").splitlines()[:2] == first_lines(name)
            encrypted: Any = AsyncEncryptedClient if kind == "async" else EncryptedClient
            sealed: Any = encrypted(world.client, AES)
            with pytest.raises(ParameterError, match="put_object"):
                world.run(sealed.upload_file(bucket, "s", name))
            assert not world.object_exists(bucket, "s")


def first_lines(name: str) -> list[bytes]:
    """Return the lines that are equal in every read."""
    return Path(name).read_bytes().splitlines()[:2]


def test_a_sparse_file_is_uploaded(server: LocalServer, bucket: str, tmp_path: Path) -> None:
    path = tmp_path / "holes"
    path.touch()
    for size in (0, 1, 4096, 21 << 20):
        os.truncate(path, size)
        with server.client() as client:
            client.upload_file(bucket, "k", path)
            assert client.head_object(bucket, "k")["Content-Length"] == str(size)


def test_a_page_has_at_least_one_entry(world: World) -> None:
    # With 0, a listing would end before its first key.
    bucket = "examplebucket-1250000000"
    client: Any = world.client
    for call, names in (
        ("iter_buckets", ()),
        ("iter_objects", (bucket,)),
        ("iter_prefixes", (bucket,)),
        ("iter_versions", (bucket,)),
        ("iter_uploads", (bucket,)),
        ("iter_parts", (bucket, "k", "id")),
    ):
        for wrong in (0, -1, "5", None, 1.5):
            with pytest.raises(ParameterError, match="PageSize"):
                world.all(getattr(client, call)(*names, PageSize=wrong))


@pytest.mark.parametrize("wrong", [5, "a", ["a"], {"a": "b"}, [5], [None]])
def test_conditions_of_a_form_are_a_list_of_dicts_and_lists(world: World, wrong: Any) -> None:
    with pytest.raises(ParameterError, match="Conditions"):
        world.client.presign_post("examplebucket-1250000000", "k", Conditions=wrong)


def test_an_async_body_is_refused_by_the_sync_client(server: LocalServer, bucket: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x"

    body: Any = chunks
    with server.client() as client:
        for call in (client.put_object, client.upload_stream):
            with pytest.raises(ParameterError, match="asynchronous iterator: use AsyncClient"):
                call(bucket, **{"Key": "k", _BODY[call.__name__]: body()})


_BODY = {"put_object": "Body", "upload_stream": "Stream"}


@pytest.mark.parametrize("wrong", ["k" * 32, None, 5, b"short", [0] * 32])
def test_an_aes_key_is_bytes(wrong: Any) -> None:
    with pytest.raises(ParameterError, match="AES key"):
        AESKey(wrong)


SEALED: list[tuple[str, list[Any]]] = [
    ("client", [None, "http://a", AES]),
    ("key", [b"k" * 32, "k" * 32, None, AESKey]),
    ("old_keys", [AES, [b"k" * 32], None]),
    ("vendor_keys", [5, ["k"]]),
    ("frame", ["65536", 1.5, None]),
    ("description", [5, None, b"a"]),
]


@pytest.mark.parametrize(("name", "values"), SEALED)
def test_wrong_arguments_of_an_encrypted_client_are_refused_by_name(
    world: World, name: str, values: list[Any]
) -> None:
    kind: Any = AsyncEncryptedClient if world._runner else EncryptedClient
    for wrong in values:
        with pytest.raises(ParameterError, match=name):
            kind(**{"client": world.client, "key": AES, name: wrong})


def test_an_encrypted_client_needs_a_client_of_its_own_kind(world: World) -> None:
    other: Any = EncryptedClient if world._runner else AsyncEncryptedClient
    with pytest.raises(ParameterError, match="client must be a"):
        other(world.client, AES)


def test_an_encrypted_client_refuses_wrong_arguments_before_anything_is_sent(
    world: World, proxy: FaultProxy, tmp_path: Path
) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    kind: Any = AsyncEncryptedClient if world._runner else EncryptedClient
    sealed: Any = kind(world.client, AES)
    place = ("examplebucket-1250000000", "k")
    sent = len(proxy.exchanges)
    for call, names, wrong, words in (
        ("put_object", (place[0], b"", "k"), {"Metadata": 5}, "Metadata"),
        ("put_object", (place[0], b"", "k"), {"Metadata": ["a"]}, "Metadata"),
        ("put_object", (place[0], b"", "k"), {"Metadata": {5: "a"}}, "Metadata"),
        ("upload_file", (*place, tmp_path / "f"), {"Metadata": [1]}, "Metadata"),
        ("get_object", place, {"Range": "0-3"}, "Range"),
        ("get_object", place, {"Range": 5}, "Range"),
        ("get_object", place, {"range": "bytes=0-3"}, "Range"),
        ("copy_object", place, {"CopySource": "b/k", "CopyStatus": "Replaced"}, "CopySource"),
        ("copy_object", place, {"CopySource": {"Key": "k"}, "CopyStatus": "Replaced"}, "Bucket"),
        ("delete_object", place, {"Version": "1"}, "VersionId"),
    ):
        with pytest.raises(ParameterError) as refused:
            world.run(getattr(sealed, call)(*names, **wrong))
        assert words in str(refused.value), (call, wrong)
    assert len(proxy.exchanges) == sent
