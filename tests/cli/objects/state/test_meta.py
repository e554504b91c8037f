"""`coskit meta`: headers and metadata changed by a copy that keeps everything else."""

import json
from typing import Any

import pytest

from coskit import Client
from coskit.cli.objects.state.kept_properties import CopyWouldLose, StoredObject, read_stored
from coskit.errors import CosServiceError
from tests.cli.conftest import Coskit

RICH: dict[str, Any] = {
    "ContentType": "text/plain",
    "CacheControl": "no-cache",
    "ContentDisposition": "attachment",
    "Expires": "Wed, 01 Jan 2031 00:00:00 GMT",
    "Metadata": {"who": "me", "odd": "a b=c"},
    "StorageClass": "STANDARD_IA",
    "Tagging": "a=1&b=2",
    "ServerSideEncryption": "AES256",
}


def kept(client: Client, bucket: str, key: str) -> dict[str, Any]:
    """Return what a change of the metadata has to keep."""
    head: dict[str, Any] = {**client.head_object(bucket, key)}
    names = ("x-cos-storage-class", "x-cos-server-side-encryption", "x-cos-hash-crc64ecma")
    access = client.get_object_acl(bucket, key)["AccessControlList"]
    return {
        **{name: head.get(name) for name in names},
        "tags": client.get_object_tagging(bucket, key)["TagSet"],
        "access": access,
    }


def test_one_object_in_a_pipe(coskit: Coskit, client: Client, bucket: str) -> None:
    client.put_object(bucket, b"x", "k", **RICH)
    done = coskit("meta", f"cos://{bucket}/k")
    assert (done.status, done.error) == (0, "")
    assert done.lines == [
        "Cache-Control: no-cache",
        "Content-Disposition: attachment",
        "Content-Type: text/plain",
        "Expires: Wed, 01 Jan 2031 00:00:00 GMT",
        "x-cos-meta-odd: a b=c",
        "x-cos-meta-who: me",
    ]


def test_json_and_a_terminal(coskit: Coskit, client: Client, bucket: str) -> None:
    client.put_object(bucket, b"x", "a b", ContentType="text/plain", Metadata={"n": "1"})
    headers = {"Content-Type": "text/plain", "x-cos-meta-n": "1"}
    done = coskit("meta", "-r", "--json", f"cos://{bucket}")
    assert json.loads(done.output) == {"key": "a b", "headers": headers}
    done = coskit("meta", "-r", f"cos://{bucket}", columns=80)
    assert done.lines == ["'a b'  Content-Type=text/plain  x-cos-meta-n=1"]


def _grant_public(client: Client, bucket: str) -> None:
    client.put_object_acl(bucket, "k", ACL="public-read")


def _grant_account(client: Client, bucket: str) -> None:
    client.put_object_acl(bucket, "k", GrantRead='id="100000000011"', GrantReadAcp='id="1/2"')


def _grant_mixed(client: Client, bucket: str) -> None:
    _grant_account(client, bucket)
    policy: Any = client.get_object_acl(bucket, "k")
    everybody = {"Type": "Group", "URI": "http://cam.qcloud.com/groups/global/AllUsers"}
    policy["AccessControlList"]["Grant"].append({"Grantee": everybody, "Permission": "READ"})
    wanted: Any = {name: policy[name] for name in ("Owner", "AccessControlList")}
    client.put_object_acl(bucket, "k", wanted)


def _grant_nothing(client: Client, bucket: str) -> None:
    pass


@pytest.mark.parametrize("grant", [_grant_nothing, _grant_public, _grant_account, _grant_mixed])
def test_everything_else_is_kept(coskit: Coskit, client: Client, bucket: str, grant: Any) -> None:
    client.put_object(bucket, b"x", "k", **RICH)
    grant(client, bucket)
    before = kept(client, bucket, "k")
    place = f"cos://{bucket}/k"
    done = coskit("meta", "set", place, "cache-control=max-age=60", "X-COS-Meta-New=中 文")
    assert (done.status, done.error, done.lines) == (0, "", [f"changed {place}"])
    assert coskit("meta", "rm", place, "Expires", "x-cos-meta-who").status == 0
    assert kept(client, bucket, "k") == before
    assert sorted(coskit("meta", place).lines) == [
        "Cache-Control: max-age=60",
        "Content-Disposition: attachment",
        "Content-Type: text/plain",
        "x-cos-meta-new: 中 文",
        "x-cos-meta-odd: a b=c",
    ]


def test_s3_keeps_everything_else_too(coskit: Coskit, client: Client, bucket: str) -> None:
    client.put_object(bucket, b"x", "k", **RICH)
    _grant_public(client, bucket)
    before = kept(client, bucket, "k")
    words = ("meta", "set", "--dialect", "s3", f"s3://{bucket}/k", "x-amz-meta-new=1")
    assert coskit(*words).lines == [f"changed s3://{bucket}/k"]
    assert kept(client, bucket, "k") == before
    assert "x-cos-meta-new: 1" in coskit("meta", f"cos://{bucket}/k").lines


def test_a_bucket_without_acls_gets_none(
    coskit: Coskit, client: Client, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Client.copy
    asked = []

    def refuse_acls(self: Client, *place: Any, **options: Any) -> Any:
        asked.append(options.get("ACL"))
        if "ACL" in options:
            raise CosServiceError(code="AccessControlListNotSupported")
        return copy(self, *place, **options)

    monkeypatch.setattr(Client, "copy", refuse_acls)
    client.put_object(bucket, b"x", "k", ACL="private")
    assert coskit("meta", "set", f"cos://{bucket}/k", "Expires=0").status == 0
    assert asked == ["private", None]


def test_a_large_object_is_copied_in_parts(
    coskit: Coskit, client: Client, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coskit.client._sync.transfer.copies.SINGLE_COPY", 1 << 20)
    client.put_object(bucket, bytes(3 << 20), "k", **RICH)
    client.put_object_acl(bucket, "k", ACL="public-read")
    before = kept(client, bucket, "k")
    assert coskit("meta", "set", f"cos://{bucket}/k", "x-cos-meta-who=you").status == 0
    assert kept(client, bucket, "k") == before
    head: dict[str, Any] = {**client.head_object(bucket, "k")}
    assert head["ETag"].endswith('-1"')
    assert (head["x-cos-meta-who"], head["Cache-Control"]) == ("you", "no-cache")


def test_what_does_not_change_is_not_copied(coskit: Coskit, client: Client, bucket: str) -> None:
    client.put_bucket_versioning(bucket, "Enabled")
    first = client.put_object(bucket, b"x", "k", CacheControl="no-cache")["x-cos-version-id"]
    place = f"cos://{bucket}/k"
    assert coskit("meta", "set", place, "Cache-Control=no-cache").lines == [f"unchanged {place}"]
    assert coskit("meta", "set", "-n", place, "Expires=0").lines == [f"would change {place}"]
    assert [entry["VersionId"] for entry in client.iter_versions(bucket)] == [first]
    coskit("meta", "set", place, "Expires=0")
    assert len([*client.iter_versions(bucket)]) == 2


def test_what_would_lose_something_is_refused(coskit: Coskit, client: Client, bucket: str) -> None:
    client.append_object(bucket, "docs/log", 0, b"x")
    client.put_object(bucket, b"x", "docs/old", StorageClass="ARCHIVE")
    client.put_object(bucket, b"x", "docs/plain")
    client.put_object(bucket, b"x", "docs/sealed", SSECustomerKey=b"k" * 32)
    done = coskit("meta", "set", "-r", f"cos://{bucket}/docs", "Expires=0")
    assert done.status == 1
    assert done.lines == [f"changed cos://{bucket}/docs/plain"]
    lines = done.error.splitlines()
    assert lines[0].startswith(f"coskit: cos://{bucket}/docs/log: it is not copied onto itself")
    assert lines[1].startswith(f"coskit: cos://{bucket}/docs/old: InvalidObjectState")
    assert lines[2].startswith(f"coskit: cos://{bucket}/docs/sealed: ")
    assert lines[3:] == ["coskit: 3 failed"]
    assert client.head_object(bucket, "docs/log")["x-cos-object-type"] == "appendable"


@pytest.mark.parametrize(
    "header",
    [
        {"x-cos-object-type": "symlink"},
        {"x-amz-object-lock-mode": "COMPLIANCE"},
        {"x-cos-object-lock-legal-hold": "ON"},
        {"x-amz-website-redirect-location": "/"},
        {"x-cos-server-side-encryption-customer-algorithm": "AES256"},
    ],
)
def test_properties_that_a_copy_has_not(client: Client, bucket: str, header: Any) -> None:
    client.put_object(bucket, b"x", "k")
    access = read_stored(client, bucket, "k", None).access
    with pytest.raises(CopyWouldLose):
        StoredObject(header, access).refuse_loss()
    StoredObject({"x-cos-object-lock-legal-hold": "OFF"}, access).refuse_loss()


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("set cos://b/k cache-contol=1", "did you mean Cache-Control?"),
        ("set cos://b/k ETag=1", "or x-cos-meta-NAME"),
        ("set cos://b/k Expires", "is not a field"),
        ("rm cos://b/k x-cos-meta-", "is not stored"),
        ("rm cos://b/k x-cos-meta-client-side-encryption-key", "needed to decrypt"),
    ],
)
def test_usage_errors(coskit: Coskit, words: str, error: str) -> None:
    done = coskit("meta", *words.split())
    assert done.status == 2
    assert error in done.error
