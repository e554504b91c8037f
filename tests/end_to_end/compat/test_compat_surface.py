"""`coskit.compat` has the names, signatures and defaults of the vendor's published SDK."""

import copy
import importlib
import inspect
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
import qcloud_cos
import qcloud_cos.cos_encryption_client
import qcloud_cos.crypto
import qcloud_cos.intelligent_speech

from coskit import compat
from coskit.compat import intelligent_speech
from coskit.compat.cos_encryption_client import CosEncryptionClient
from coskit.compat.implementation import unsupported_methods
from coskit.protocol.errors import CosClientError, CosServiceError, CredentialsError
from coskit.testing import LocalServer
from tests.client.stubs.stub import Stub, always

KEYS: dict[str, Any] = {"SecretId": "id", "SecretKey": "key"}
CLASSES = {
    "CosS3Client": compat.CosS3Client,
    "CosVectorsClient": compat.CosVectorsClient,
    "MetaInsightClient": compat.MetaInsightClient,
    "AIRecognitionClient": compat.AIRecognitionClient,
}
# Names that the vendor's modules define rather than import.
MODULES = {
    "ai_recognition": ["AIRecognitionClient"],
    "cos_auth": ["CosS3Auth"],
    "cos_client": ["CosConfig", "CosS3Client"],
    "cos_comm": [
        *("SINGLE_UPLOAD_LENGTH", "DEFAULT_CHUNK_SIZE", "CiDetectType", "client_can_retry"),
        *("format_bucket", "format_dict", "format_dict_or_list", "format_endpoint"),
        *("format_path", "format_region", "gen_copy_source_range", "get_content_md5", "get_date"),
        *("get_md5", "get_raw_md5", "path_simplify_check", "switch_hostname"),
        *("switch_hostname_for_url", "to_bytes", "to_str", "to_unicode"),
    ],
    "cos_encryption_client": ["CosEncryptionClient"],
    "cos_exception": ["CosClientError", "CosException", "CosServiceError"],
    "cos_threadpool": ["SimpleThreadPool"],
    "cos_vectors_client": ["CosVectorsClient"],
    "crypto": ["AESProvider", "RSAProvider", "RSAKeyPair", "RSAKeyPairPath", "BaseProvider"],
    "intelligent_speech": ["IntelligentSpeechClient"],
    "meta_insight": ["MetaInsightClient"],
    "resumable_downloader": ["ResumableDownLoader"],
    "select_event_stream": ["EventStream"],
    "streambody": ["StreamBody"],
    "version": ["__version__"],
    "xml2dict": ["Xml2Dict"],
}


def shape(function: Any) -> list[tuple[str, str, Any]]:
    """Return names, kinds and defaults of a function's parameters."""
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.kind.name, _plain(p.default)) for p in parameters]


def _plain(default: Any) -> Any:
    # Immutable values replace the vendor's mutable default `{}`.
    return dict(default) if isinstance(default, Mapping) else default


@pytest.mark.parametrize("name", CLASSES)
def test_every_public_method_has_the_vendors_signature(name: str) -> None:
    theirs, ours = getattr(qcloud_cos, name), CLASSES[name]
    public = [
        method for method, _ in inspect.getmembers(theirs, callable) if not method.startswith("_")
    ]
    assert public
    assert not set(public) - set(dir(ours))
    wanted = {method: shape(getattr(theirs, method)) for method in public}
    assert {method: shape(getattr(ours, method)) for method in public} == wanted


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (qcloud_cos.CosConfig, compat.CosConfig),
        (qcloud_cos.CosS3Client, compat.CosS3Client),
        (qcloud_cos.cos_encryption_client.CosEncryptionClient, CosEncryptionClient),
        (
            qcloud_cos.intelligent_speech.IntelligentSpeechClient,
            intelligent_speech.IntelligentSpeechClient,
        ),
    ],
    ids=lambda found: f"{found.__module__}.{found.__name__}",
)
def test_constructors_have_the_vendors_signature(theirs: Any, ours: Any) -> None:
    assert shape(ours) == shape(theirs)


@pytest.mark.parametrize(
    "method", ["read", "get_stream", "get_stream_to_file", "pget_stream_to_file", "get_raw_stream"]
)
def test_bodies_have_the_vendors_signatures(method: str) -> None:
    theirs = importlib.import_module("qcloud_cos.streambody").StreamBody
    assert shape(getattr(compat.StreamBody, method)) == shape(getattr(theirs, method))


@pytest.mark.parametrize("name", MODULES)
def test_the_vendors_modules_are_there(name: str) -> None:
    theirs = importlib.import_module(f"qcloud_cos.{name}")
    ours = importlib.import_module(f"coskit.compat.{name}")
    assert [found for found in MODULES[name] if not hasattr(theirs, found)] == []
    assert [found for found in MODULES[name] if not hasattr(ours, found)] == []


@pytest.mark.parametrize(
    "call",
    [
        *(("format_region", (name, "cos.", old, True)) for name in
          ("ap-beijing", "cossh", "cn-north", "cos.ap-beijing", "sg") for old in (True, False)),
        *(("format_bucket", given) for given in
          (("b", "1250000000"), ("b-1250000000", "1250000000"), ("b-1", ""))),
        ("format_path", ("/a b/中",)),
        ("format_endpoint", ("", "ap-beijing", "cos.", False, True)),
        ("format_endpoint", ("example.com", "", "cos.", True, True)),
        ("get_raw_md5", ("text",)),
        ("get_md5", (b"bytes",)),
        ("get_date", (2022, 5, 30)),
        ("gen_copy_source_range", (0, 9)),
        ("switch_hostname", ("b-1.cos.ap-chengdu.myqcloud.com",)),
        ("switch_hostname_for_url", ("http://b-1.cos.ap-chengdu.myqcloud.com/x?y",)),
        ("switch_hostname_for_url", ("https://cos.ap-chengdu.myqcloud.com/b-1/x",)),
        ("to_bytes", ("中",)), ("to_unicode", (b"a",)), ("to_str", (1,)),
        ("format_dict_or_list", ([{"a": "1"}, {"a": None}], ["a"])),
    ],
)  # fmt: skip
def test_helpers_return_what_the_vendors_do(call: tuple[str, tuple[Any, ...]]) -> None:
    name, given = call
    theirs, ours = (
        getattr(importlib.import_module(f"{package}.cos_comm"), name)(*copy.deepcopy(given))
        for package in ("qcloud_cos", "coskit.compat")
    )
    assert ours == theirs


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("format_region", (10, "cos.", False, False)),
        ("format_region", ("ap_beijing", "cos.", False, False)),
        ("format_bucket", ("test_bucket", "1250000000")),
        ("format_bucket", ("", "1250000000")),
        ("format_bucket", ("test", 10)),
        ("format_path", ("",)),
        ("format_endpoint", ("", "", "cos.", True, True)),
        ("path_simplify_check", ("/a/../",)),
        ("switch_hostname_for_url", ("",)),
    ],
)
def test_helpers_refuse_what_the_vendors_do(name: str, given: tuple[Any, ...]) -> None:
    for package, error in (
        ("qcloud_cos", qcloud_cos.CosClientError),
        ("coskit.compat", CosClientError),
    ):
        with pytest.raises(error):
            getattr(importlib.import_module(f"{package}.cos_comm"), name)(*given)


@pytest.mark.parametrize(
    "conf",
    [
        {"Region": "ap-beijing"},
        {"Region": "ap-beijing", "Appid": "1250000000"},
        {"Region": "ap-beijing", "EnableOldDomain": False},
        {"Region": "ap-beijing", "EnableOldDomain": False, "EnableInternalDomain": False},
        {"Endpoint": "example.com", "Scheme": "http"},
        {"Domain": "files.example.com"},
        {"Region": "ap-beijing", "IP": "10.0.0.1", "Port": 8080},
        {"Region": "ap-beijing", "IP": "10.0.0.1"},
    ],
    ids=repr,
)
def test_urls_are_the_vendors(conf: dict[str, Any]) -> None:
    theirs, ours = (kind(**KEYS, **conf) for kind in (qcloud_cos.CosConfig, compat.CosConfig))
    calls: list[dict[str, Any]] = [
        {"bucket": "b-1250000000"},
        {"bucket": "b-1", "path": "/a ./中"},
        {},
    ]
    for given in calls:
        assert ours.uri(**given) == theirs.uri(**given)
    assert ours.get_host("b-1250000000") == theirs.get_host("b-1250000000")


def test_unknown_settings_are_type_errors() -> None:
    kinds: list[Any] = [qcloud_cos.CosConfig, compat.CosConfig]
    for kind in kinds:
        with pytest.raises(TypeError, match="Regio"):
            kind(Regio="ap-beijing", **KEYS)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"SecretId": "id"},
        {"SecretId": "id ", "SecretKey": "key"},
        {"SecretId": "id", "SecretKey": "key\n"},
        {"SecretId": "id", "SecretKey": "\ufeffkey"},
        {"SecretId": "id", "SecretKey": "key\u200b"},
        {"SecretId": "id", "SecretKey": '"key"'},
        {"SecretId": "'id'", "SecretKey": "key"},
        {"SecretId": "", "SecretKey": "key"},
        {"Scheme": "ftp", **KEYS},
    ],
)
def test_wrong_settings_are_refused_at_once(keys: dict[str, Any]) -> None:
    with pytest.raises(CosClientError):
        compat.CosConfig(Region="ap-beijing", **keys)


def test_settings_reach_the_connection() -> None:
    conf = compat.CosConfig(
        Region="ap-beijing",
        Timeout=(3, 5),
        UA="mine/1",
        Proxies={"https": "http://proxy:3128"},
        PoolMaxSize=7,
        VerifySSL="/ca.pem",
        SSLCert=("/own.pem", "/own.key"),
        **KEYS,
    )
    settings = conf.client_config(1).transport
    assert (settings.connect_timeout, settings.read_timeout) == (3.0, 5.0)
    assert (settings.user_agent, settings.proxy) == ("mine/1", "http://proxy:3128")
    assert (settings.connections, settings.ca_file, settings.verify) == (7, "/ca.pem", True)
    assert (settings.certificate, settings.certificate_key) == ("/own.pem", "/own.key")
    alone = compat.CosConfig(Region="ap-beijing", VerifySSL=False, SSLCert="/both.pem", **KEYS)
    settings = alone.client_config(1).transport
    assert (settings.certificate, settings.certificate_key) == ("/both.pem", None)
    assert (settings.connect_timeout, settings.verify) == (30.0, False)


def test_the_environments_endpoint_takes_the_place_of_a_region(
    monkeypatch: pytest.MonkeyPatch, server: LocalServer, bucket: str
) -> None:
    monkeypatch.setenv("COSKIT_ENDPOINT", f"http://127.0.0.1:{server.port}")
    own: dict[str, Any] = {"SecretId": server.secret_id, "SecretKey": server.secret_key}
    with compat.CosS3Client(compat.CosConfig(Region="ap-guangzhou", **own)) as client:
        client.put_object(bucket, b"here", "a")
        assert client.get_object(bucket, "a")["Body"].read() == b"here"
    named = compat.CosConfig(Endpoint="example.com", **own)
    assert named.client_config(1).endpoint.host == "example.com"


def conf_of(server: LocalServer, **more: Any) -> compat.CosConfig:
    """Return a configuration for a server under public host names."""
    place: dict[str, Any] = {
        "Region": "ap-local",
        "Scheme": "http",
        "IP": "127.0.0.1",
        "Port": server.port,
    }
    return compat.CosConfig(**place, SecretId=server.secret_id, SecretKey=server.secret_key, **more)


@pytest.fixture
def client(server: LocalServer) -> Iterator[compat.CosS3Client]:
    """Yield a client of the server."""
    with compat.CosS3Client(conf_of(server), retry=0) as made:
        yield made


@pytest.mark.parametrize("off", ["SignHost", "SignParams", "KeepAlive"])
def test_requests_that_sign_less_or_close_are_served(
    server: LocalServer, bucket: str, off: str
) -> None:
    with compat.CosS3Client(conf_of(server, **{off: False})) as client:
        client.put_object(bucket, b"content", "a")
        assert client.list_objects(bucket, "a", "", "", 10)["Contents"][0]["Key"] == "a"
        assert client.get_object(bucket, "a")["Body"].read() == b"content"


def test_what_is_sent_follows_the_settings() -> None:
    response = b"HTTP/1.1 204 No Content\r\nx-cos-request-id: 1\r\n\r\n"
    with Stub(always(response)) as stub:
        place: dict[str, Any] = {
            "Region": "ap-beijing",
            "Scheme": "http",
            "IP": "127.0.0.1",
            "Port": stub.port,
        }
        conf = compat.CosConfig(**place, **KEYS, UA="mine/1", KeepAlive=False, SignHost=False)
        compat.CosS3Client(conf, retry=0).delete_object("b-1250000000", "a", VersionId="1")
        conf = compat.CosConfig(**place, **KEYS, SignParams=False)
        compat.CosS3Client(conf, retry=0).delete_object("b-1250000000", "a", VersionId="1")
    first, second = (request.header for request in stub.requests)
    assert (first["user-agent"], first["connection"]) == ("mine/1", "close")
    assert "q-header-list=host" not in first["authorization"]
    assert "q-url-param-list=versionid" in first["authorization"]
    assert "q-url-param-list=&" in second["authorization"]


def test_settings_that_change_count_from_the_next_call_on(server: LocalServer, bucket: str) -> None:
    conf = conf_of(server)
    client = compat.CosS3Client(conf, retry=0)
    client.put_object(bucket, b"content", "a")
    conf.set_credential("wrong", "wrong")
    with pytest.raises(CosServiceError):
        client.head_object(bucket, "a")
    conf.set_credential(server.secret_id, server.secret_key)
    conf.set_ip_port("127.0.0.1", 1)
    with pytest.raises(CosClientError):
        client.head_object(bucket, "a")
    conf.set_ip_port("127.0.0.1", server.port)
    assert client.head_object(bucket, "a")["Content-Length"] == "7"


def test_arguments_stand_in_the_vendors_order(client: compat.CosS3Client, bucket: str) -> None:
    client.put_object(bucket, b"content", "a/b", True)
    listed = client.list_objects(bucket, "a/", "/", "", 1, "")
    assert [found["Key"] for found in listed["Contents"]] == ["a/b"]
    versions = client.list_objects_versions(bucket, "a/", "/", "", "", 5, "")
    assert [found["Key"] for found in versions["Version"]] == ["a/b"]
    upload = client.create_multipart_upload(bucket, "m")["UploadId"]
    client.upload_part(bucket, "m", b"part", 1, upload, True)
    assert client.list_parts(bucket, "m", upload, "", 10, 0)["Part"][0]["Size"] == "4"
    assert client.list_multipart_uploads(bucket, "m", "", "", "", 10)["Upload"][0]["Key"] == "m"
    client.abort_multipart_upload(bucket, "m", upload)
    names = [
        found["Name"] for found in client.list_buckets(None, None, "ap-local")["Buckets"]["Bucket"]
    ]
    assert bucket in names
    source = {"Bucket": bucket, "Key": "a/b", "Region": "ap-local"}
    client.copy_object(bucket, "c", source, "Replaced", ContentType="text/plain")
    assert client.head_object(bucket, "c")["Content-Type"] == "text/plain"


def test_paths_may_be_bytes(client: compat.CosS3Client, bucket: str, tmp_path: Path) -> None:
    source, target = bytes(tmp_path / "quelle-ü"), bytes(tmp_path / "ziel-ü")
    Path(tmp_path / "quelle-ü").write_bytes(b"content")
    client.upload_file(bucket, "a", source)
    client.put_object_from_local_file(bucket, source, "b")
    for key in ("a", "b"):
        client.download_file(bucket, key, target)
        assert (tmp_path / "ziel-ü").read_bytes() == b"content"
        client.download_file(bucket, key, target, DisableTempDestFilePath=True)
        client.get_object(bucket, key)["Body"].get_stream_to_file(target)
        assert (tmp_path / "ziel-ü").read_bytes() == b"content"


class Prefixed(compat.CosS3Client):
    """A subclass that prefixes keys."""

    def put_object(
        self, Bucket: Any, Body: Any, Key: Any, EnableMD5: Any = False, **kwargs: Any
    ) -> Any:
        return super().put_object(Bucket, Body, f"mine/{Key}", EnableMD5, **kwargs)

    def head_object(self, Bucket: Any, Key: Any, **kwargs: Any) -> Any:
        return super().head_object(Bucket, f"mine/{Key}", **kwargs)


def test_helpers_of_one_call_use_a_subclass_method(
    server: LocalServer, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "f").write_bytes(b"content")
    with Prefixed(conf_of(server), retry=0) as client:
        client.put_object_from_local_file(bucket, str(tmp_path / "f"), "f")
        assert client.object_exists(bucket, "f")
        assert client.get_object(bucket, "mine/f")["Body"].read() == b"content"


def test_a_double_with_its_signatures_can_be_made() -> None:
    double = create_autospec(compat.CosS3Client, instance=True)
    double.put_object("b-1", b"content", "a")
    double.put_object.assert_called_once_with("b-1", b"content", "a")
    with pytest.raises(TypeError):
        double.put_object("b-1")
    with pytest.raises(AttributeError):
        double.put_objects  # noqa: B018 - asking is what is tested


def test_what_is_no_method_of_either_is_an_attribute_error(client: compat.CosS3Client) -> None:
    assert not hasattr(client, "put_objects")
    assert {"put_object", "sync", "upload_stream"} <= set(dir(client))


REFUSALS = [
    (kind, name)
    for kind in vars(unsupported_methods).values()
    if inspect.isclass(kind)
    for name in vars(kind)
    if not name.startswith("_")
]


def test_what_is_not_there_says_where_that_is_described() -> None:
    assert len(REFUSALS) > 100
    for kind, name in REFUSALS:
        method = getattr(kind(), name)
        needed = [
            p.name
            for p in inspect.signature(method).parameters.values()
            if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
        ]
        with pytest.raises(CosClientError, match=rf"{name} is not in coskit.*docs/compatibility"):
            method(**dict.fromkeys(needed, "x"))


@pytest.mark.parametrize(
    ("document", "code", "request_id"),
    [
        ("<Error></Error>", "Unknown", "Unknown"),
        ("not XML", "Unknown", "Unknown"),
        ("<Error><Code>NoSuchKey</Code><RequestId>r</RequestId></Error>", "NoSuchKey", "r"),
        (b"<Error><Code>NoSuchKey</Code></Error>", "NoSuchKey", "Unknown"),
        ('{"code": "A", "requestid": "r"}', "A", "r"),
        ({"code": "NoSuchResource", "requestid": "r"}, "NoSuchResource", "r"),
    ],
)
def test_errors_are_made_as_the_vendors(document: Any, code: str, request_id: str) -> None:
    error = compat.CosServiceError("GET", document, "404")
    assert (error.get_error_code(), error.get_request_id()) == (code, request_id)
    assert error.get_status_code() == 404


def test_a_client_is_copied_and_pickled(server: LocalServer, bucket: str) -> None:
    client = compat.CosS3Client(conf_of(server), retry=0)
    client.put_object(bucket, b"content", "a")
    for other in (copy.deepcopy(client), pickle.loads(pickle.dumps(client))):
        assert other.get_object(bucket, "a")["Body"].read() == b"content"


def test_anonymous_clients_sign_nothing() -> None:
    client = compat.CosS3Client(compat.CosConfig(Region="ap-beijing", Anonymous=True))
    assert client.get_auth("GET", "b-1", "a") == ""
    with pytest.raises(CredentialsError):
        client.get_presigned_url("b-1", "a", "GET")
