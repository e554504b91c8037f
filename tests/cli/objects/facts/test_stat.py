"""`coskit stat`: the facts of objects and buckets in a pipe, on a terminal and in JSON."""

import hashlib
import json
import re

import pytest

from coskit import Client
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from tests.cli.conftest import Coskit

DATE = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.000)?Z?")
KEY = "中 文+?.txt"


@pytest.fixture
def filled(client: Client, bucket: str) -> str:
    """A bucket with an object that has headers, metadata and tags."""
    client.put_object(
        bucket,
        bytes(1500),
        KEY,
        ContentType="text/plain",
        CacheControl="no-cache",
        Metadata={"a": "b", "z": "值"},
        Tagging="k=v&n=%E4%B8%AD",
        StorageClass="STANDARD_IA",
        ACL="public-read",
    )
    client.put_object(bucket, b"", "empty")
    return bucket


OBJECT = f"""cos://B/empty
  Size            0 bytes
  Modified        DATE
  ETag            d41d8cd98f00b204e9800998ecf8427e
  CRC64           0
  Storage class   STANDARD
  Object type     normal
  Headers         Content-Type: application/octet-stream
  ACL             default, owner 1250000000

'cos://B/中 文+?.txt'
  Size            1500 bytes (1.5 KiB)
  Modified        DATE
  ETag            {hashlib.md5(bytes(1500)).hexdigest()}
  CRC64           {crc64(bytes(1500))}
  Storage class   STANDARD_IA
  Object type     normal
  Headers         Content-Type: text/plain
                  Cache-Control: no-cache
  Metadata        a: b
                  z: 值
  Tags            k: v
                  n: 中
  ACL             public-read, owner 1250000000
                  FULL_CONTROL to 1250000000
                  READ to http://cam.qcloud.com/groups/global/AllUsers
"""


def test_objects_on_a_terminal(coskit: Coskit, filled: str) -> None:
    done = coskit("stat", "--raw", f"cos://{filled}/empty", f"cos://{filled}/{KEY}", columns=80)
    assert (done.status, done.error) == (0, "")
    assert DATE.sub("DATE", done.output.replace(filled, "B")).splitlines() == OBJECT.splitlines()


def test_an_object_in_json(coskit: Coskit, filled: str) -> None:
    done = coskit("stat", "--json", f"cos://{filled}/中*")
    facts = json.loads(done.output)
    assert DATE.fullmatch(facts.pop("modified"))
    assert re.fullmatch("[0-9a-f]{32}", facts.pop("etag"))
    assert re.fullmatch(r"\d+", facts.pop("crc64"))
    assert facts.pop("acl")["canned"] == "public-read"
    assert facts == {
        "type": "object",
        "location": f"cos://{filled}/{KEY}",
        "size": 1500,
        "storage_class": "STANDARD_IA",
        "object_type": "normal",
        "headers": {"Content-Type": "text/plain", "Cache-Control": "no-cache"},
        "metadata": {"a": "b", "z": "值"},
        "tags": {"k": "v", "n": "中"},
    }


def test_what_the_keys_may_not_read_is_an_errors_code(coskit: Coskit, filled: str) -> None:
    done = coskit("stat", "--json", "--no-sign", "--raw", f"cos://{filled}/{KEY}")
    facts = json.loads(done.output)
    assert (done.status, facts["size"]) == (0, 1500)
    assert (facts["tags"], facts["acl"]) == ("AccessDenied", "AccessDenied")


BUCKET = """cos://B
  Region          ap-local
  Created         DATE
  Versioning      Enabled
  Tags            team: data
  ACL             private, owner 1250000000
                  FULL_CONTROL to 1250000000
"""


def test_a_bucket(coskit: Coskit, client: Client, bucket: str) -> None:
    client.put_bucket_versioning(bucket, "Enabled")
    client.put_bucket_tagging(bucket, {"TagSet": {"Tag": [{"Key": "team", "Value": "data"}]}})
    done = coskit("stat", f"cos://{bucket}")
    assert DATE.sub("DATE", done.output.replace(bucket, "B")) == BUCKET
    facts = json.loads(coskit("stat", "--json", f"cos://{bucket}").output)
    assert (facts["type"], facts["versioning"], facts["tags"]) == (
        "bucket",
        "Enabled",
        {"team": "data"},
    )


def test_a_version(coskit: Coskit, client: Client, bucket: str) -> None:
    client.put_bucket_versioning(bucket, "Enabled")
    first = client.put_object(bucket, b"one", "k")["x-cos-version-id"]
    client.put_object(bucket, b"three", "k")
    done = coskit("stat", "--json", "--version-id", first, f"cos://{bucket}/k")
    facts = json.loads(done.output)
    assert (facts["size"], facts["version_id"]) == (3, first)


def test_the_s3_dialect_has_the_same_facts(coskit: Coskit, filled: str) -> None:
    place = f"s3://{filled}/{KEY}"
    facts = json.loads(coskit("stat", "--json", "--raw", "--dialect=s3", place).output)
    assert (facts["size"], facts["metadata"]) == (1500, {"a": "b", "z": "值"})
    assert (facts["storage_class"], facts["tags"]) == ("STANDARD_IA", {"k": "v", "n": "中"})


FAILURES = [
    ("cos://{b}/none cos://{b}/empty", 1, "cos://{b}/none: NoSuchResource: "),
    ("cos://{b}/n*", 1, "no key matches"),
    ("cos://missing-1250000000", 1, "coskit ls shows the buckets and keys that exist"),
    ("cos://", 2, "names no bucket"),
    ("--version-id x cos://{b}", 2, "--version-id needs exactly one object"),
]


@pytest.mark.parametrize(("words", "status", "error"), FAILURES)
def test_what_has_no_facts(
    coskit: Coskit, filled: str, words: str, status: int, error: str
) -> None:
    done = coskit("stat", *words.format(b=filled).split())
    assert (done.status, error.format(b=filled) in done.error) == (status, True), done.error
    assert done.error.count("\n") == 1
    assert ("Size" in done.output) == ("/empty" in words)
