"""Object lock over the wire, in both dialects."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from coskit.testing import LocalServer
from tests.server.support.accounts import FRIEND, account_client
from tests.server.support.clocked_server import ClockedServer
from tests.server.support.http_client import Headers, HTTPClient, Reply
from tests.server.support.s3 import S3HTTPClient

LOCKED = "x-amz-bucket-object-lock-enabled"
MODE, UNTIL, HOLD = (f"x-amz-object-lock-{n}" for n in ("mode", "retain-until-date", "legal-hold"))
BYPASS = {"x-amz-bypass-governance-retention": "true"}
DENIED = (403, "AccessDenied")
NO_LOCK = (400, "InvalidRequest")
KEEPER = "1290000000"
_numbers = iter(range(1, 1000))


def date(days: float) -> str:
    """Return the date a number of days from now."""
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


def retention(mode: str, until: str) -> bytes:
    inner = f"<Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate>"
    return f"<Retention>{inner if mode else ''}</Retention>".encode()


def hold(status: str) -> bytes:
    return f"<LegalHold><Status>{status}</Status></LegalHold>".encode()


def configuration(rule: str = "") -> bytes:
    return (
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
        f"{rule}</ObjectLockConfiguration>"
    ).encode()


def default(mode: str, length: str) -> str:
    return f"<Rule><DefaultRetention><Mode>{mode}</Mode>{length}</DefaultRetention></Rule>"


@pytest.fixture(scope="session")
def s3(http_client: HTTPClient) -> S3HTTPClient:
    return S3HTTPClient(http_client)


class LockedBucket:
    """A bucket with object lock."""

    def __init__(self, s3: S3HTTPClient) -> None:
        self.s3 = s3
        self.name = f"vault{next(_numbers)}-{KEEPER}"
        assert s3.request("PUT", f"/{self.name}", {LOCKED: "true"}).status == 200

    def request(
        self, method: str, key: str = "", headers: Headers | None = None, body: bytes | None = None
    ) -> Reply:
        return self.s3.request(method, f"/{self.name}/{key}", headers, body)

    def put(self, key: str, headers: Headers | None = None) -> str:
        """Store an object and return its version id."""
        reply = self.request("PUT", key, headers, b"data")
        assert reply.status == 200, reply.body
        return reply["x-amz-version-id"]

    def holds(self, key: str, version: str) -> bool:
        reply = self.request("GET", f"{key}?versionId={version}")
        return (reply.status, reply.body) == (200, b"data")


@pytest.fixture
def locked_bucket(server: LocalServer) -> LockedBucket:
    """Create a bucket with object lock; as it may stay for good it is on another's account."""
    return LockedBucket(S3HTTPClient(account_client(server, KEEPER)))


def test_a_bucket_with_lock_keeps_versions(locked_bucket: LockedBucket) -> None:
    assert locked_bucket.request("GET", "?versioning").text("Status") == "Enabled"
    returned = locked_bucket.request("GET", "?object-lock")
    assert (returned.status, returned.text("ObjectLockEnabled")) == (200, "Enabled")
    assert b"<Rule" not in returned.body
    suspended = b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"
    assert locked_bucket.request("PUT", "?versioning", body=suspended).outcome == (
        409,
        "InvalidBucketState",
    )
    cos = locked_bucket.s3.http_client.request(
        "PUT", f"/{locked_bucket.name}/?versioning", body=suspended
    )
    assert cos.outcome == (409, "InvalidBucketState")
    assert locked_bucket.request("GET", "?versioning").text("Status") == "Enabled"


def test_a_bucket_gets_a_lock_only_if_it_keeps_versions(s3: S3HTTPClient, bucket: str) -> None:
    assert s3.request("GET", f"/{bucket}/?object-lock").outcome == (
        404,
        "ObjectLockConfigurationNotFoundError",
    )
    put = ("PUT", f"/{bucket}/?object-lock", None, configuration())
    assert s3.request(*put).outcome == (409, "InvalidBucketState")
    for status, response in [("Enabled", 200), ("Suspended", 200), ("Enabled", 200)]:
        text = f"<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>"
        assert s3.request("PUT", f"/{bucket}/?versioning", body=text.encode()).status == response
        outcome = s3.request(*put).outcome if status == "Suspended" else None
        assert outcome in (None, (409, "InvalidBucketState"))
    assert s3.request(*put).status == 200
    assert s3.request("GET", f"/{bucket}/?object-lock").text("ObjectLockEnabled") == "Enabled"


def test_creating_a_bucket_again_does_not_pretend_that_it_has_a_lock(
    s3: S3HTTPClient, bucket: str
) -> None:
    again = s3.request("PUT", f"/{bucket}", {LOCKED: "true"})
    assert again.status == 409
    assert s3.request("PUT", "/other-1250000000", {LOCKED: "maybe"}).outcome == (
        400,
        "InvalidArgument",
    )


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (default("GOVERNANCE", "<Days>1</Days><Years>1</Years>"), "MalformedXML"),
        (default("GOVERNANCE", "<Days>0</Days>"), "InvalidRetentionPeriod"),
        (default("GOVERNANCE", "<Years>-1</Years>"), "InvalidRetentionPeriod"),
        (default("governance", "<Years>1</Years>"), "MalformedXML"),
    ],
)
def test_a_default_that_makes_no_sense_is_refused(
    locked_bucket: LockedBucket, rule: str, code: str
) -> None:
    assert locked_bucket.request("PUT", "?object-lock", body=configuration(rule)).outcome == (
        400,
        code,
    )
    assert b"<Rule" not in locked_bucket.request("GET", "?object-lock").body


@pytest.mark.parametrize("mode", ["GOVERNANCE", "COMPLIANCE"])
def test_what_is_retained_cannot_be_deleted(locked_bucket: LockedBucket, mode: str) -> None:
    version = locked_bucket.put("k", {MODE: mode, UNTIL: date(9)})
    returned = locked_bucket.request("HEAD", f"k?versionId={version}")
    assert returned[MODE] == mode
    assert returned[UNTIL].endswith("Z")
    assert HOLD not in returned
    assert locked_bucket.request("DELETE", f"k?versionId={version}").outcome == DENIED
    cos = locked_bucket.s3.http_client.request(
        "DELETE", f"/{locked_bucket.name}/k?versionId={version}", BYPASS
    )
    assert cos.outcome == (409, "ObjectLocked")
    # A marker hides it, and goes again.
    marker = locked_bucket.request("DELETE", "k")["x-amz-version-id"]
    assert locked_bucket.request("DELETE", f"k?versionId={version}").outcome == DENIED
    assert locked_bucket.request("DELETE", f"k?versionId={marker}").status == 204
    assert locked_bucket.holds("k", version)
    outcome = locked_bucket.request("DELETE", f"k?versionId={version}", BYPASS).outcome
    assert outcome == ((204, "") if mode == "GOVERNANCE" else DENIED)
    assert locked_bucket.holds("k", version) == (mode == "COMPLIANCE")


def test_a_hold_lasts_until_it_is_taken_off(locked_bucket: LockedBucket) -> None:
    version = locked_bucket.put("k", {HOLD: "ON"})
    assert locked_bucket.request("GET", "k?legal-hold").text("Status") == "ON"
    assert locked_bucket.request("HEAD", "k")[HOLD] == "ON"
    assert locked_bucket.request("DELETE", f"k?versionId={version}", BYPASS).outcome == DENIED
    assert locked_bucket.request("PUT", "k?legal-hold", body=hold("MAYBE")).outcome == (
        400,
        "MalformedXML",
    )
    assert locked_bucket.holds("k", version)
    assert locked_bucket.request("PUT", "k?legal-hold", body=hold("OFF")).status == 200
    assert locked_bucket.request("GET", "k?legal-hold").text("Status") == "OFF"
    assert locked_bucket.request("DELETE", f"k?versionId={version}").status == 204


def test_many_deletions_leave_just_the_locked_ones(locked_bucket: LockedBucket) -> None:
    locked = locked_bucket.put("locked", {MODE: "GOVERNANCE", UNTIL: date(9)})
    free = locked_bucket.put("free")
    entries = "".join(
        f"<Object><Key>{key}</Key><VersionId>{version}</VersionId></Object>"
        for key, version in [("locked", locked), ("free", free)]
    )
    document = f"<Delete>{entries}</Delete>".encode()
    reply = locked_bucket.request("POST", "?delete", body=document)
    assert (reply.status, reply.texts("Code")) == (200, ["AccessDenied"])
    assert reply.body.count(b"<Deleted>") == 1
    assert locked_bucket.holds("locked", locked)
    assert not locked_bucket.holds("free", free)
    again = locked_bucket.request("POST", "?delete", BYPASS, document)
    assert b"<Error>" not in again.body
    assert not locked_bucket.holds("locked", locked)


def test_a_retention_can_be_lengthened_by_all_and_shortened_with_the_right(
    locked_bucket: LockedBucket,
) -> None:
    version = locked_bucket.put("k", {MODE: "GOVERNANCE", UNTIL: date(9)})

    def put(mode: str, days: float, headers: Headers | None = None) -> tuple[int, str]:
        until = date(days) if mode else ""
        return locked_bucket.request("PUT", "k?retention", headers, retention(mode, until)).outcome

    assert put("GOVERNANCE", 20) == (200, "")
    assert put("GOVERNANCE", 10) == DENIED
    assert put("COMPLIANCE", 30) == DENIED
    assert put("", 0) == DENIED
    assert put("GOVERNANCE", 10, BYPASS) == (200, "")
    assert put("", 0, BYPASS) == (200, "")
    assert locked_bucket.request("GET", "k?retention").outcome == (
        404,
        "NoSuchObjectLockConfiguration",
    )
    assert put("COMPLIANCE", 10) == (200, "")
    assert put("COMPLIANCE", 9, BYPASS) == DENIED
    assert put("GOVERNANCE", 20, BYPASS) == DENIED
    assert put("", 0, BYPASS) == DENIED
    assert put("COMPLIANCE", 11) == (200, "")
    assert locked_bucket.request("GET", "k?retention").text("Mode") == "COMPLIANCE"
    assert locked_bucket.holds("k", version)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({MODE: "GOVERNANCE"}, "InvalidArgument"),
        ({UNTIL: "2140-01-01T00:00:00Z"}, "InvalidArgument"),
        ({MODE: "GOVERNANCE", UNTIL: "2001-01-01T00:00:00Z"}, "InvalidArgument"),
        ({MODE: "GOVERNANCE", UNTIL: "soon"}, "InvalidArgument"),
        ({MODE: "NONE", UNTIL: "2140-01-01T00:00:00Z"}, "InvalidArgument"),
        ({HOLD: "on"}, "InvalidArgument"),
    ],
)
def test_a_lock_that_makes_no_sense_stores_nothing(
    locked_bucket: LockedBucket, headers: Headers, code: str
) -> None:
    assert locked_bucket.request("PUT", "k", headers, b"data").outcome == (400, code)
    assert locked_bucket.request("HEAD", "k").status == 404


def test_a_bucket_without_lock_takes_no_locks(s3: S3HTTPClient, bucket: str) -> None:
    future = {MODE: "GOVERNANCE", UNTIL: "2140-01-01T00:00:00Z"}
    assert s3.request("PUT", f"/{bucket}/k", future, b"data").outcome == NO_LOCK
    assert s3.request("PUT", f"/{bucket}/k", {HOLD: "ON"}, b"data").outcome == NO_LOCK
    assert s3.request("PUT", f"/{bucket}/k", None, b"data").status == 200
    body = retention("GOVERNANCE", "2140-01-01T00:00:00Z")
    assert s3.request("PUT", f"/{bucket}/k?retention", None, body).outcome == NO_LOCK
    assert s3.request("PUT", f"/{bucket}/k?legal-hold", None, hold("ON")).outcome == NO_LOCK
    for name in ("retention", "legal-hold"):
        assert s3.request("GET", f"/{bucket}/k?{name}").outcome == NO_LOCK


def test_every_way_of_storing_locks(locked_bucket: LockedBucket) -> None:
    """Copies and uploads in parts are locked as their requests say, not as their sources are."""
    locked_bucket.put("source", {HOLD: "ON"})
    about = {MODE: "GOVERNANCE", UNTIL: date(9)}
    copy = locked_bucket.request(
        "PUT", "copy", {"x-amz-copy-source": f"{locked_bucket.name}/source", **about}
    )
    assert copy.status == 200, copy.body
    begun = locked_bucket.request("POST", "parts?uploads", {**about, HOLD: "ON"})
    place = f"parts?partNumber=1&uploadId={begun.text('UploadId')}"
    etag = locked_bucket.request("PUT", place, None, b"data")["ETag"]
    part = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
    place = f"parts?uploadId={begun.text('UploadId')}"
    assert locked_bucket.request("POST", place, None, document).status == 200
    for key, held in [("copy", False), ("parts", True)]:
        returned = locked_bucket.request("HEAD", key)
        assert returned[MODE] == "GOVERNANCE"
        assert (HOLD in returned) == held
        version = returned["x-amz-version-id"]
        assert locked_bucket.request("DELETE", f"{key}?versionId={version}").outcome == DENIED


def test_the_default_locks_what_either_dialect_stores(locked_bucket: LockedBucket) -> None:
    rule = default("GOVERNANCE", "<Days>2</Days>")
    assert locked_bucket.request("PUT", "?object-lock", body=configuration(rule)).status == 200
    returned = locked_bucket.request("GET", "?object-lock")
    assert (returned.text("Mode"), returned.text("Days")) == ("GOVERNANCE", "2")
    cos = locked_bucket.s3.http_client
    version = cos.request("PUT", f"/{locked_bucket.name}/k", None, b"data")["x-cos-version-id"]
    ends = datetime.fromisoformat(
        locked_bucket.request("GET", "k?retention").text("RetainUntilDate")
    )
    assert abs((ends - datetime.now(UTC)).total_seconds() - 2 * 86400) < 600
    assert cos.request("DELETE", f"/{locked_bucket.name}/k?versionId={version}").outcome == (
        409,
        "ObjectLocked",
    )
    own = locked_bucket.put("own", {MODE: "COMPLIANCE", UNTIL: date(1)})
    assert locked_bucket.request("HEAD", f"own?versionId={own}")[MODE] == "COMPLIANCE"
    # What was stored under a default keeps it when the default goes.
    assert locked_bucket.request("PUT", "?object-lock", body=configuration()).status == 200
    assert locked_bucket.request("DELETE", f"k?versionId={version}").outcome == DENIED
    assert locked_bucket.request("DELETE", f"k?versionId={version}", BYPASS).status == 204


def in_locked_bucket(clocked: ClockedServer, method: str, key: str, **more: Any) -> Reply:
    return clocked.request(method, f"/vault-1/{key}", **{"of_s3": True, **more})


@pytest.fixture
def clocked(tmp_path: Path) -> Iterator[ClockedServer]:
    """Run a server with a locked_bucket on a clock of the test's."""
    with ClockedServer(tmp_path) as server:
        assert server.request("PUT", "/vault-1", {LOCKED: "true"}, of_s3=True).status == 200
        yield server


@pytest.mark.parametrize("of_s3", [False, True])
def test_a_retention_ends_to_the_second(clocked: ClockedServer, of_s3: bool) -> None:
    until = f"{datetime.fromtimestamp(clocked.now + 100, UTC):%Y-%m-%dT%H:%M:%SZ}"
    returned = in_locked_bucket(
        clocked, "PUT", "k", headers={MODE: "COMPLIANCE", UNTIL: until}, body=b"data"
    )
    target = f"k?versionId={returned['x-amz-version-id']}"
    clocked.now += 99
    refused = (403, "AccessDenied") if of_s3 else (409, "ObjectLocked")
    assert in_locked_bucket(clocked, "DELETE", target, of_s3=of_s3).outcome == refused
    clocked.now += 1
    assert in_locked_bucket(clocked, "DELETE", target, of_s3=of_s3).status == 204


def test_a_default_of_years_counts_from_the_storing(clocked: ClockedServer) -> None:
    rule = default("COMPLIANCE", "<Years>2</Years>")
    assert in_locked_bucket(clocked, "PUT", "?object-lock", body=configuration(rule)).status == 200
    begun = in_locked_bucket(clocked, "POST", "k?uploads").text("UploadId")
    etag = in_locked_bucket(clocked, "PUT", f"k?partNumber=1&uploadId={begun}", body=b"data")[
        "ETag"
    ]
    clocked.now += 3600
    part = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
    done = in_locked_bucket(clocked, "POST", f"k?uploadId={begun}", body=document)
    assert done.status == 200
    assert (
        in_locked_bucket(clocked, "GET", "k?retention")
        .text("RetainUntilDate")
        .startswith("2025-11-14T23:13:20.")
    )


def test_the_lifecycle_spares_what_is_locked(clocked: ClockedServer) -> None:
    rule = (
        "<LifecycleConfiguration><Rule><ID>r</ID><Filter><Prefix></Prefix></Filter>"
        "<Status>Enabled</Status><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>"
        "</NoncurrentVersionExpiration></Rule></LifecycleConfiguration>"
    )
    assert in_locked_bucket(clocked, "PUT", "?lifecycle", body=rule.encode()).status == 200
    for key, headers in [("held", {HOLD: "ON"}), ("free", {})]:
        for _ in range(2):
            returned = in_locked_bucket(clocked, "PUT", key, headers=headers, body=b"data")
            assert returned.status == 200
    clocked.now += 3 * 86400
    assert clocked.sweep() == {"removed": 1}
    listed = in_locked_bucket(clocked, "GET", "?versions").texts("Key")
    assert listed == ["free", "held", "held"]


def test_a_writer_may_not_set_governance_aside(
    locked_bucket: LockedBucket, server: LocalServer
) -> None:
    writer = S3HTTPClient(account_client(server, FRIEND))
    grants = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action":'
        ' ["s3:PutObject*", "s3:DeleteObject*", "s3:GetObject*"],'
        f' "Resource": "arn:aws:s3:::{locked_bucket.name}/*"}}]}}'
    )
    assert locked_bucket.request("PUT", "?policy", body=grants.encode()).status == 204
    version = locked_bucket.put("k", {MODE: "GOVERNANCE", UNTIL: date(9)})
    target = f"/{locked_bucket.name}/k?versionId={version}"
    assert writer.request("DELETE", target, BYPASS).outcome == DENIED
    body = retention("GOVERNANCE", date(5))
    assert (
        writer.request("PUT", f"/{locked_bucket.name}/k?retention", BYPASS, body).outcome == DENIED
    )
    body = retention("GOVERNANCE", date(12))
    assert writer.request("PUT", f"/{locked_bucket.name}/k?retention", BYPASS, body).status == 200
    entry = f"<Object><Key>k</Key><VersionId>{version}</VersionId></Object>"
    many = writer.request(
        "POST", f"/{locked_bucket.name}/?delete", BYPASS, f"<Delete>{entry}</Delete>".encode()
    )
    assert many.texts("Code") == ["AccessDenied"]
    assert locked_bucket.holds("k", version)
    allowed = grants.replace('"s3:GetObject*"', '"s3:*"')
    assert locked_bucket.request("PUT", "?policy", body=allowed.encode()).status == 204
    assert writer.request("DELETE", target, BYPASS).status == 204
