"""Copies of any size have the content and metadata of one object, or fail."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit import (
    Client,
    CosServiceError,
    IntegrityError,
    ObjectChanged,
    ParameterError,
    RetryPolicy,
    TransferTimeout,
)
from coskit.client.transfer.copy_options import elsewhere, tagging_header
from coskit.client.transfer.options import TransferOptions
from coskit.protocol import types
from coskit.protocol.endpoint import Endpoint, parse_endpoint, region_endpoint
from coskit.protocol.operations import (
    COMPLETE_MULTIPART_UPLOAD,
    COPY_OBJECT,
    HEAD_OBJECT,
    UPLOAD_PART_COPY,
)
from coskit.testing import LocalServer
from tests.faults.proxy.exchange import RecordedRequest
from tests.faults.proxy.faults import DropReply, Fault, LateError, Stall, Status, StatusAfter
from tests.faults.proxy.proxy import FaultProxy, Rule
from tests.faults.proxy.proxy_steps import ProxiedRequest
from tests.support.local import remove_bucket
from tests.support.worlds import World

MIB = 1 << 20
SIZE = 3 * MIB + 500_000  # four parts of 1 MiB
DRESS: dict[str, Any] = {
    "ContentType": "text/a",
    "CacheControl": "no-cache",
    "ContentDisposition": 'attachment; filename="a b"',
    "ContentLanguage": "zh",
    "Expires": "Fri, 01 Jan 2100 00:00:00 GMT",
    "Metadata": {"x-cos-meta-a": "1", "x-cos-meta-b": "b b"},
    "Tagging": "color=red&size=a%20b",
    "StorageClass": "STANDARD_IA",
}


@pytest.fixture
def proxy(server: LocalServer) -> Iterator[FaultProxy]:
    """Yield a proxy that forwards to the server until it gets rules."""
    with FaultProxy(server.port) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def world(
    request: pytest.FixtureRequest, server: LocalServer, proxy: FaultProxy
) -> Iterator[World]:
    """Yield each of coskit's clients behind the proxy, and check that no thread is left."""
    keys = {"secret_id": server.secret_id, "secret_key": server.secret_key}
    quick = RetryPolicy(attempts=3, base=0.001, longest=0.01)
    with World(request.param, endpoint=proxy.endpoint, retry=quick, **keys) as client:
        yield client
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("coskit")]


@pytest.fixture
def other(owner: Client, bucket: str) -> Iterator[str]:
    """Create a second bucket."""
    name = bucket.replace("test", "other")
    owner.create_bucket(name)
    yield name
    remove_bucket(owner, name)


def content(size: int = SIZE, seed: str = "") -> bytes:
    """Return bytes in which no two KiB are equal."""
    return b"".join(f"{seed}{n:1000}".encode()[:1024] for n in range(-(-size // 1000)))[:size]


def copy(world: World, to: str, source: str, *, parts: bool, **options: Any) -> dict[str, Any]:
    """Copy the object `source` of a bucket to `copy`, in one request or in parts of 1 MiB."""
    named = {"Bucket": source, "Key": "source", **options.pop("place", {})}
    known = {"PartSize": 1, "MAXThread": 5, "progress_callback": None, "Deadline": None, **options}
    status = known.pop("CopyStatus", "Copy")
    transfer = TransferOptions.from_arguments(known, part_size=1)
    single = MIB if parts else SIZE
    result: dict[str, Any] = world.run(
        world.client.transfers.copy(to, "copy", named, status, transfer, single=single)
    )
    return result


def uploads(owner: Client, bucket: str) -> list[str]:
    """Return the keys of unfinished uploads."""
    return [upload["Key"] for upload in owner.iter_uploads(bucket)]


def fetch(owner: Client, bucket: str, key: str = "copy") -> bytes:
    """Return an object's content."""
    return owner.get_object(bucket, key)["Body"].read()


@pytest.mark.parametrize("parts", [False, True])
def test_content_headers_metadata_and_tags_go_along(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, other: str, parts: bool
) -> None:
    put = owner.put_object(other, content(), "source", **DRESS)
    reported: list[tuple[int, int | None]] = []
    result = copy(
        world, bucket, other, parts=parts, progress_callback=lambda *at: reported.append(at)
    )
    assert fetch(owner, bucket) == content()
    head, origin = owner.head_object(bucket, "copy"), owner.head_object(other, "source")
    own = {"ETag", "Last-Modified", "x-cos-storage-class", "x-cos-storage-tier"}
    passing = {"Date", "x-cos-request-id"}
    there = {name: value for name, value in origin.items() if name not in own | passing}
    assert {name: value for name, value in head.items() if name not in own | passing} == there
    assert "x-cos-storage-class" not in head, "the class is what this call asked for"
    assert owner.get_object_tagging(bucket, "copy") == owner.get_object_tagging(other, "source")
    assert result["ETag"] == (head["ETag"] if parts else put["ETag"])
    assert reported == sorted(set(reported))
    assert reported[-1] == (SIZE, SIZE)
    assert len(proxy.matching(UPLOAD_PART_COPY)) == (4 if parts else 0)
    assert uploads(owner, bucket) == []


@pytest.mark.parametrize("parts", [False, True])
def test_what_is_to_be_replaced_is_what_this_call_says(
    world: World, owner: Client, bucket: str, parts: bool
) -> None:
    owner.put_object(bucket, content(), "source", **DRESS)
    copy(
        world,
        bucket,
        bucket,
        parts=parts,
        CopyStatus="Replaced",
        TaggingDirective="Replaced",
        Tagging="a=b",
        ContentType="text/b",
        Metadata={"x-cos-meta-c": "3"},
        StorageClass="STANDARD_IA",
        ACL="public-read",
    )
    head = owner.head_object(bucket, "copy")
    meta = {name: value for name, value in head.items() if name.startswith("x-cos-meta-")}
    assert meta == {"x-cos-meta-c": "3"}
    assert (head["Content-Type"], head["x-cos-storage-class"]) == ("text/b", "STANDARD_IA")
    assert "Cache-Control" not in head
    tags = owner.get_object_tagging(bucket, "copy")["TagSet"]
    assert tags == {"Tag": [{"Key": "a", "Value": "b"}]}
    assert owner.get_object_acl(bucket, "copy")["CannedACL"] == "public-read"


@pytest.mark.parametrize("parts", [False, True])
def test_with_copy_what_this_call_says_of_headers_does_not_count(
    world: World, owner: Client, bucket: str, parts: bool
) -> None:
    owner.put_object(bucket, content(), "source", ContentType="text/a")
    copy(world, bucket, bucket, parts=parts, ContentType="text/b", Metadata={"x-cos-meta-c": "3"})
    head = owner.head_object(bucket, "copy")
    assert head["Content-Type"] == "text/a"
    assert "x-cos-meta-c" not in head


@pytest.mark.parametrize("size", [0, 1])
def test_a_small_object_is_copied_in_one_request(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, size: int
) -> None:
    owner.put_object(bucket, content(size), "source")
    world.copy(bucket, "copy", {"Bucket": bucket, "Key": "source", "Region": "ap-local"})
    assert fetch(owner, bucket) == content(size)
    assert len(proxy.exchanges) == 2, proxy.report()


def act(when: Any, number: int, do: Callable[[], object]) -> Callable[[RecordedRequest], None]:
    """Return a decision that forwards all requests and acts before a matching one."""
    seen: list[RecordedRequest] = []

    def decide(exchange: RecordedRequest) -> None:
        if exchange.operation is when:
            seen.append(exchange)
            if len(seen) == number:
                do()

    return decide


@pytest.mark.parametrize("change", ["replaced", "deleted"])
@pytest.mark.parametrize(
    ("parts", "operation", "number"),
    [(False, COPY_OBJECT, 1), (True, UPLOAD_PART_COPY, 1), (True, UPLOAD_PART_COPY, 3)],
)
def test_a_source_that_changes_during_the_copy_is_not_copied(
    world: World,
    proxy: FaultProxy,
    owner: Client,
    bucket: str,
    change: str,
    parts: bool,
    operation: Any,
    number: int,
) -> None:
    owner.put_object(bucket, content(seed="old"), "source")
    owner.put_object(bucket, b"before", "copy")

    def do() -> None:
        if change == "replaced":
            owner.put_object(bucket, content(seed="new"), "source")
        else:
            owner.delete_object(bucket, "source")

    proxy.decide = act(operation, number, do)
    with pytest.raises(ObjectChanged):
        copy(world, bucket, bucket, parts=parts, MAXThread=1)
    assert fetch(owner, bucket) == b"before"
    assert uploads(owner, bucket) == []


@pytest.mark.parametrize("parts", [False, True])
def test_the_version_that_was_found_is_copied_though_there_is_a_later_one(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, parts: bool
) -> None:
    owner.put_bucket_versioning(bucket, Status="Enabled")
    oldest = owner.put_object(bucket, content(seed="oldest"), "source")["x-cos-version-id"]
    owner.put_object(bucket, content(seed="old"), "source")
    proxy.decide = act(
        UPLOAD_PART_COPY if parts else COPY_OBJECT,
        1,
        lambda: owner.put_object(bucket, content(seed="new"), "source"),
    )
    copy(world, bucket, bucket, parts=parts)
    assert fetch(owner, bucket) == content(seed="old")
    copy(world, bucket, bucket, parts=parts, place={"VersionId": oldest})
    assert fetch(owner, bucket) == content(seed="oldest")


@pytest.mark.parametrize("parts", [False, True])
@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"CopySourceIfMatch": '"other"'}, 412),
        ({"CopySourceIfUnmodifiedSince": "Sat, 01 Jan 2000 00:00:00 GMT"}, 412),
        ({"CopySourceIfModifiedSince": "Fri, 01 Jan 2100 00:00:00 GMT"}, 412),
        ({"IfNoneMatch": "*"}, 412),
        ({"place": {"Key": "none"}}, 404),
        ({"place": {"Bucket": "none-1250000000"}}, 404),
    ],
    ids=str,
)
def test_what_the_caller_asks_for_is_refused_as_such(
    world: World, owner: Client, bucket: str, parts: bool, options: dict[str, Any], code: int
) -> None:
    owner.put_object(bucket, content(), "source")
    owner.put_object(bucket, b"before", "copy")
    with pytest.raises(CosServiceError) as refusal:
        copy(world, bucket, bucket, parts=parts, **options)
    assert refusal.value.status == code
    assert fetch(owner, bucket) == b"before"
    assert uploads(owner, bucket) == []


@pytest.mark.parametrize(
    "fault", [Status(403, "AccessDenied"), LateError(), StatusAfter(500)], ids=repr
)
def test_a_part_that_fails_for_good_leaves_no_upload_and_is_named(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, fault: Fault
) -> None:
    owner.put_object(bucket, content(), "source")
    proxy.rules = [Rule(UPLOAD_PART_COPY, fault, times=None, skip=1)]
    with pytest.raises(CosServiceError) as failure:
        copy(world, bucket, bucket, parts=True, MAXThread=1)
    assert failure.value.part_number == 2
    assert not owner.object_exists(bucket, "copy")
    assert uploads(owner, bucket) == []


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        (UPLOAD_PART_COPY, DropReply()),
        (UPLOAD_PART_COPY, StatusAfter(500)),
        (COMPLETE_MULTIPART_UPLOAD, DropReply()),
        (COMPLETE_MULTIPART_UPLOAD, StatusAfter(500)),
        (COPY_OBJECT, DropReply()),
        (HEAD_OBJECT, DropReply()),
    ],
    ids=str,
)
def test_a_reply_that_is_lost_does_no_harm(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, operation: Any, fault: Fault
) -> None:
    owner.put_object(bucket, content(), "source")
    proxy.rules = [Rule(operation, fault)]
    copy(world, bucket, bucket, parts=operation is not COPY_OBJECT)
    assert fetch(owner, bucket) == content()
    assert uploads(owner, bucket) == []


@dataclass(frozen=True)
class OtherSum(Fault):
    """The response has another CRC64."""

    async def play(self, request: ProxiedRequest) -> None:
        await request.forward()
        response = await request.response()
        head = response.head.with_field("x-cos-hash-crc64ecma", "7")
        await request.deliver(replace(response, head=head))


@pytest.mark.parametrize("parts", [False, True])
def test_a_copy_with_another_sum_is_an_error(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, parts: bool
) -> None:
    owner.put_object(bucket, content(), "source")
    proxy.rules = [Rule(HEAD_OBJECT, OtherSum())]
    with pytest.raises(IntegrityError, match="wrong"):
        copy(world, bucket, bucket, parts=parts)


def test_a_deadline_ends_a_copy_that_hangs(
    world: World, proxy: FaultProxy, owner: Client, bucket: str
) -> None:
    owner.put_object(bucket, content(), "source")
    proxy.rules = [Rule(UPLOAD_PART_COPY, Stall(), times=None)]
    with pytest.raises(TransferTimeout, match="deadline"):
        copy(world, bucket, bucket, parts=True, Deadline=0.3)
    assert uploads(owner, bucket) == []


def test_a_source_with_a_key_of_ones_own(world: World, owner: Client, bucket: str) -> None:
    key: dict[str, Any] = {
        "SSECustomerAlgorithm": "AES256",
        "SSECustomerKey": "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=",
        "SSECustomerKeyMD5": "U5L61r7jcwdNvT7frmUG8g==",
    }
    owner.put_object(bucket, content(), "source", **key)
    of_source = {f"CopySource{name}": value for name, value in key.items()}
    copy(world, bucket, bucket, parts=True, **of_source)
    assert fetch(owner, bucket) == content()


@pytest.mark.parametrize(
    "wrong",
    [{"CopyStatus": "Move"}, {"MAXThread": 0}, {"place": {"Key": ""}}, {"place": {"Bucket": ""}}],
    ids=str,
)
def test_what_makes_no_sense_is_refused_before_anything_is_sent(
    world: World, proxy: FaultProxy, bucket: str, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ParameterError):
        copy(world, bucket, bucket, parts=True, **wrong)
    assert proxy.exchanges == []


def test_a_source_at_another_endpoint_is_looked_at_there(
    world: World, proxy: FaultProxy, server: LocalServer, owner: Client, bucket: str
) -> None:
    owner.put_object(bucket, content(), "source", **DRESS)
    there = server.endpoint.removeprefix("http://")
    copy(world, bucket, bucket, parts=True, place={"Endpoint": there})
    assert fetch(owner, bucket) == content()
    assert owner.get_object_tagging(bucket, "copy") == owner.get_object_tagging(bucket, "source")
    assert proxy.matching(HEAD_OBJECT) == [], "it was looked for here"


HERE = region_endpoint("ap-here")


@pytest.mark.parametrize(
    ("source", "here", "region", "expected"),
    [
        ({}, HERE, "ap-here", None),
        ({"Region": "ap-here"}, HERE, "ap-here", None),
        ({"Region": "ap-here"}, HERE, "", None),
        ({"Region": "ap-there"}, HERE, "ap-here", region_endpoint("ap-there")),
        (
            {"Endpoint": "cos.ap-there.myqcloud.com"},
            HERE,
            "ap-here",
            parse_endpoint("https://cos.ap-there.myqcloud.com"),
        ),
        ({"Endpoint": HERE.host}, HERE, "ap-here", None),
        ({"Region": "ap-there"}, parse_endpoint("http://127.0.0.1:9000"), "", None),
        (
            {"Region": "ap-there"},
            Endpoint("http", "example.com", False, "example.com", bound=True),
            "",
            region_endpoint("ap-there", "http"),
        ),
    ],
    ids=str,
)
def test_where_a_source_is(
    source: dict[str, str], here: Endpoint, region: str, expected: Endpoint | None
) -> None:
    assert elsewhere(source, here, region) == expected


def test_a_client_of_one_bucket_needs_the_region_of_another() -> None:
    bound = Endpoint("http", "example.com", False, "example.com", bound=True)
    with pytest.raises(ParameterError, match="Region"):
        elsewhere({"Bucket": "b-1", "Key": "k"}, bound, "")


@given(tags=st.dictionaries(st.text(min_size=1), st.text(), max_size=10))
def test_tags_survive_their_header(tags: dict[str, str]) -> None:
    from urllib.parse import parse_qsl

    listed: list[types.Tag] = [{"Key": key, "Value": value} for key, value in tags.items()]
    header = tagging_header({"TagSet": {"Tag": listed}})
    assert dict(parse_qsl(header, keep_blank_values=True, strict_parsing=bool(tags))) == tags
