"""Documents and ACLs in requests of S3: what is refused changes nothing, in the words of S3."""

import json

import pytest

from tests.server.support.http_client import HTTPClient
from tests.server.support.s3 import S3HTTPClient

RULE = "<Rule><Status>Enabled</Status>{}<Expiration><Days>1</Days></Expiration></Rule>"
SMALLEST = "x-amz-transition-default-minimum-object-size"
LIFECYCLE = (
    "<LifecycleConfiguration><Rule><Status>Enabled</Status><Filter/>"
    "<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>"
    "</LifecycleConfiguration>"
)
GRANT = (
    "<AccessControlPolicy><Owner><ID>1250000000</ID></Owner><AccessControlList><Grant>"
    '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group">'
    "<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee>"
    "<Permission>{}</Permission></Grant></AccessControlList></AccessControlPolicy>"
)
LOCK = (
    "<ObjectLockConfiguration><ObjectLockEnabled>{}</ObjectLockEnabled></ObjectLockConfiguration>"
)


@pytest.fixture
def s3(http_client: HTTPClient) -> S3HTTPClient:
    return S3HTTPClient(http_client)


# Amazon S3 API Reference, the request syntax of each operation.
ENABLED = "<VersioningConfiguration><Status>enabled</Status></VersioningConfiguration>"
UNTIL = "<Retention><Mode>GOVERNANCE</Mode><Until>2099-01-01</Until></Retention>"
IN_OTHER_CASE = "<Delete><Object><Key>kept</Key><versionId>v</versionId></Object></Delete>"
BAD: list[tuple[str, str, str]] = [
    ("POST", "?delete", IN_OTHER_CASE),
    ("POST", "?delete", '<Delete><Object VersionId="v"><Key>kept</Key></Object></Delete>'),
    ("POST", "?delete", "<Delete><Objects><Key>kept</Key></Objects></Delete>"),
    ("POST", "?delete", "<Delete><Object><Key>kept</Key><Etag>e</Etag></Object></Delete>"),
    ("POST", "?delete", "<Delete><Object><Key>kept</Key></Object><Quiet>on</Quiet></Delete>"),
    ("PUT", "kept?tagging", "<Tagging><TagSet><Tags><Key>k</Key></Tags></TagSet></Tagging>"),
    ("PUT", "kept?tagging", "<Tagging><Tag><Key>k</Key><Value>v</Value></Tag></Tagging>"),
    ("PUT", "kept?tagging", "<Tagging><TagSet/><TagSet/></Tagging>"),
    ("PUT", "?tagging", "<Tagging><TagSet>k=v</TagSet></Tagging>"),
    ("PUT", "?versioning", ENABLED),
    ("PUT", "?versioning", "<VersioningConfiguration><Enabled/></VersioningConfiguration>"),
    ("PUT", "?acl", GRANT.format("Read")),
    ("PUT", "kept?acl", GRANT.format("read")),
    ("PUT", "kept?acl", GRANT.replace("AccessControlList>", "Grants>").format("READ")),
    ("PUT", "?cors", "<CORSConfiguration><CORSRules/></CORSConfiguration>"),
    (
        "PUT",
        "?cors",
        "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>"
        "<AllowedMethods>GET</AllowedMethods></CORSRule></CORSConfiguration>",
    ),
    *(
        (
            "PUT",
            "?lifecycle",
            f"<LifecycleConfiguration>{RULE.format(chosen)}</LifecycleConfiguration>",
        )
        for chosen in (
            "",
            "<prefix>a</prefix>",
            "<Filter/><Prefix/>",
            "<Filter>a</Filter>",
            "<Filter><And><Prefix>a</Prefix></And></Filter>",
            "<Filter><And><ObjectSizeLessThan>5</ObjectSizeLessThan></And></Filter>",
            "<Filter><Prefix>a</Prefix><ObjectSizeLessThan>5</ObjectSizeLessThan></Filter>",
            "<Filter><Tag><Key>a</Key><Value>b</Value></Tag><Prefix>a</Prefix></Filter>",
            "<Filter><Prefix>a</Prefix><Prefix>b</Prefix></Filter>",
        )
    ),
    ("PUT", "?publicAccessBlock", "<PublicAccessBlockConfiguration/>"),
    (
        "PUT",
        "?publicAccessBlock",
        "<PublicAccessBlockConfiguration><BlockPublicAcls>on"
        "</BlockPublicAcls></PublicAccessBlockConfiguration>",
    ),
    (
        "PUT",
        "?publicAccessBlock",
        "<PublicAccessBlockConfiguration><BlockPublicACLs>true"
        "</BlockPublicACLs></PublicAccessBlockConfiguration>",
    ),
    (
        "PUT",
        "?ownershipControls",
        "<OwnershipControls><Rule><ObjectOwnership>Owner"
        "</ObjectOwnership></Rule></OwnershipControls>",
    ),
    (
        "PUT",
        "?encryption",
        "<ServerSideEncryptionConfiguration><Rule>"
        "<ApplyServerSideEncryptionByDefault><Algorithm>AES256</Algorithm>"
        "</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>",
    ),
    (
        "PUT",
        "?requestPayment",
        "<RequestPaymentConfiguration><Payer>Owner</Payer></RequestPaymentConfiguration>",
    ),
    ("PUT", "?object-lock", LOCK.format("enabled")),
    (
        "PUT",
        "?object-lock",
        LOCK.format("Enabled").replace("</ObjectLockConf", "<Rules/></ObjectLockConf"),
    ),
    ("PUT", "kept?retention", UNTIL),
    ("PUT", "kept?legal-hold", "<LegalHold><Status>on</Status></LegalHold>"),
    ("POST", "kept?restore", "<RestoreRequest><Days>1</Days><Tiers>Bulk</Tiers></RestoreRequest>"),
]

TOLD = ("?tagging", "?versioning", "?acl", "?cors", "?lifecycle", "?publicAccessBlock")


@pytest.mark.parametrize(("method", "target", "document"), BAD)
def test_a_document_with_something_unknown_changes_nothing(
    s3: S3HTTPClient, bucket: str, method: str, target: str, document: str
) -> None:
    assert s3.request("PUT", f"/{bucket}/kept", {}, b"kept").status == 200
    before = [rule_of(s3, bucket, name) for name in TOLD]
    refused = s3.request(method, f"/{bucket}/{target}", {}, document.encode())
    assert refused.outcome == (400, "MalformedXML")
    assert [rule_of(s3, bucket, name) for name in TOLD] == before
    assert s3.request("GET", f"/{bucket}/kept").body == b"kept"
    assert s3.request("GET", f"/{bucket}/kept?tagging").texts("Tag") == []


def rule_of(s3: S3HTTPClient, bucket: str, name: str) -> tuple[int, list[str]]:
    reply = s3.request("GET", f"/{bucket}/{name}")
    return reply.status, [reply.text(tag) for tag in ("Code", "Status", "Permission", "Rule")]


def test_elements_that_clients_send_are_taken(s3: S3HTTPClient, bucket: str) -> None:
    versions = (
        "<VersioningConfiguration><MfaDelete>Disabled</MfaDelete><Status>Enabled</Status>"
        "</VersioningConfiguration>"
    )
    assert s3.request("PUT", f"/{bucket}/?versioning", {}, versions.encode()).status == 200
    with_mfa = versions.replace("Disabled", "Enabled")
    refused = s3.request("PUT", f"/{bucket}/?versioning", {}, with_mfa.encode())
    assert refused.outcome == (501, "NotImplemented")


# Amazon S3 API Reference: PutObjectAcl needs an ACL in the body or in headers, of one kind.
NO_ACL: list[tuple[dict[str, str], tuple[int, str]]] = [
    ({}, (400, "MissingSecurityHeader")),
    ({"x-amz-acl": ""}, (400, "MissingSecurityHeader")),
    ({"x-amz-grant-read": ""}, (400, "MissingSecurityHeader")),
    ({"x-amz-acl": "default"}, (400, "InvalidArgument")),
    ({"x-amz-acl": "open"}, (400, "InvalidArgument")),
    ({"x-amz-acl": "private", "x-amz-grant-read": "id=1250000000"}, (400, "InvalidRequest")),
]


@pytest.mark.parametrize("target", ["?acl", "k?acl"])
@pytest.mark.parametrize(("headers", "outcome"), NO_ACL)
def test_an_acl_that_is_not_said_plainly_leaves_the_old_one(
    s3: S3HTTPClient, bucket: str, target: str, headers: dict[str, str], outcome: tuple[int, str]
) -> None:
    assert s3.request("PUT", f"/{bucket}/k", {}, b"1").status == 200
    public = {"x-amz-acl": "public-read"}
    assert s3.request("PUT", f"/{bucket}/{target}", public).status == 200
    assert s3.request("PUT", f"/{bucket}/{target}", headers).outcome == outcome
    assert "READ" in s3.request("GET", f"/{bucket}/{target}").texts("Permission")


def test_a_canned_acl_beside_grants_is_refused_wherever_it_stands(
    s3: S3HTTPClient, bucket: str
) -> None:
    both = {"x-amz-acl": "private", "x-amz-grant-read": "id=1250000000"}
    source = {**both, "x-amz-copy-source": f"/{bucket}/a"}
    assert s3.request("PUT", f"/{bucket}/a", {}, b"1").status == 200
    for method, target, headers in (
        ("PUT", "b", both),
        ("PUT", "b", source),
        ("POST", "b?uploads", both),
    ):
        refused = s3.request(method, f"/{bucket}/{target}", headers, b"")
        assert refused.outcome == (400, "InvalidRequest")
    assert s3.request("GET", f"/{bucket}/?list-type=2").texts("Key") == ["a"]


@pytest.mark.parametrize("target", ["?acl", "k?acl"])
def test_in_cos_an_empty_header_clears_an_acl_and_no_word_does_not(
    http_client: HTTPClient, bucket: str, target: str
) -> None:
    assert http_client.request("PUT", f"/{bucket}/k", {}, b"1").status == 200
    place = f"/{bucket}/{target}"
    assert http_client.request("PUT", place, {"x-cos-acl": "public-read"}).status == 200
    silent = http_client.request("PUT", place, {})
    assert silent.outcome == (400, "MissingRequestBodyError")
    assert "READ" in http_client.request("GET", place).texts("Permission")
    assert http_client.request("PUT", place, {"x-cos-acl": ""}).status == 200
    assert "READ" not in http_client.request("GET", place).texts("Permission")


# Amazon S3 API Reference: PutBucketLifecycleConfiguration.
@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("", "all_storage_classes_128K"),
        ("all_storage_classes_128K", "all_storage_classes_128K"),
        ("varies_by_storage_class", "varies_by_storage_class"),
    ],
)
def test_the_minimum_size_of_a_transition_is_returned(
    s3: S3HTTPClient, bucket: str, sent: str, answered: str
) -> None:
    headers = {SMALLEST: sent} if sent else {}
    put = s3.request("PUT", f"/{bucket}/?lifecycle", headers, LIFECYCLE.encode())
    assert (put.status, put[SMALLEST]) == (200, answered)
    got = s3.request("GET", f"/{bucket}/?lifecycle")
    assert (got.status, got[SMALLEST]) == (200, answered)
    assert got.texts("StorageClass") == ["GLACIER"]
    in_cos = s3.http_client.request("GET", f"/{bucket}/?lifecycle")
    assert SMALLEST not in dict(in_cos.fields)
    assert in_cos.texts("StorageClass") == ["ARCHIVE"]


@pytest.mark.parametrize("junk", ["128K", "all", "varies_by_storage_class,", "0"])
def test_another_size_is_refused(s3: S3HTTPClient, bucket: str, junk: str) -> None:
    refused = s3.request("PUT", f"/{bucket}/?lifecycle", {SMALLEST: junk}, LIFECYCLE.encode())
    assert refused.outcome == (400, "InvalidArgument")
    assert s3.request("GET", f"/{bucket}/?lifecycle").status == 404


# The words of errors are those of the dialect: names of headers, values, parameters.
WORDS: list[tuple[str, str, dict[str, str], str]] = [
    ("PUT", "k", {"x-amz-acl": "open"}, "x-amz-acl"),
    (
        "PUT",
        "k",
        {"x-amz-server-side-encryption": "none"},
        "x-amz-server-side-encryption must be AES256 or aws:kms",
    ),
    (
        "PUT",
        "k",
        {
            "x-amz-server-side-encryption": "AES256",
            "x-amz-server-side-encryption-aws-kms-key-id": "a",
        },
        "aws:kms",
    ),
    (
        "PUT",
        "k",
        {"x-amz-copy-source": "/BUCKET/a", "x-amz-metadata-directive": "MOVE"},
        "x-amz-metadata-directive must be one of COPY, REPLACE",
    ),
    (
        "PUT",
        "k",
        {"x-amz-copy-source": "/BUCKET/a", "x-amz-tagging-directive": "MOVE"},
        "x-amz-tagging-directive must be one of COPY, REPLACE",
    ),
    ("PUT", "a", {"x-amz-copy-source": "/BUCKET/a"}, "x-amz-metadata-directive REPLACE"),
]


@pytest.mark.parametrize(("method", "target", "headers", "words"), WORDS)
def test_an_error_speaks_s3(
    s3: S3HTTPClient, bucket: str, method: str, target: str, headers: dict[str, str], words: str
) -> None:
    assert s3.request("PUT", f"/{bucket}/a", {}, b"1").status == 200
    sent = {name: value.replace("BUCKET", bucket) for name, value in headers.items()}
    refused = s3.request(method, f"/{bucket}/{target}", sent, b"")
    assert refused.status == 400
    assert words in refused.text("Message")
    response = refused.body.decode() + json.dumps(refused.fields)
    assert not [word for word in ("x-cos-", "Replaced", "cos/kms") if word in response]


def test_the_limit_of_a_listing_of_buckets_has_the_name_of_s3(s3: S3HTTPClient) -> None:
    refused = s3.request("GET", "/?max-buckets=0&x-id=ListBuckets")
    assert refused.outcome == (400, "InvalidArgument")
    assert "max-buckets" in refused.text("Message")
