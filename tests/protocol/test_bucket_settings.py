"""Choices in the documents of bucket settings, checked on both sides.

Sources: the vendor's pages PUT Bucket website, replication, domain, inventory, origin, referer,
IntelligentTiering, encryption and object-lock, and the enumerations of its SDKs for Java and Go.
"""

from functools import reduce
from typing import Any

import pytest

from coskit.protocol import bucket_settings as rows
from coskit.protocol.codec.decode_request import decode_request
from coskit.protocol.codec.encode_request import encode_request
from coskit.protocol.errors import MalformedXML, ParameterError
from coskit.protocol.model import TRUTHS, Operation, Shape

SWITCH = (("Enabled", "Disabled"), ("enabled", "true", "On", ""))
TRUTH = (("true", "false", "True", "FALSE"), ("yes", "1", "Enabled", ""))
PROTOCOL = (("http", "https"), ("HTTP", "ftp", ""))
CODES = (("301", "302", "307"), ("200", "404", "30x"))
DOMAIN = "DomainRule."
ROUTE = "RoutingRules.RoutingRule."
REPLICA = "Rule."
ORIGIN = "OriginRule."
PULL = "OriginRule.OriginParameter."
DEFAULT = "Rule.ApplyServerSideEncryptionByDefault."
WORDS: list[tuple[Operation, str, tuple[tuple[str, ...], tuple[str, ...]]]] = [
    (rows.PUT_BUCKET_WEBSITE, "RedirectAllRequestsTo.Protocol", PROTOCOL),
    (rows.PUT_BUCKET_WEBSITE, "AutoAddressing.Status", SWITCH),
    (rows.PUT_BUCKET_WEBSITE, "ErrorDocument.OriginalHttpStatus", SWITCH),
    (rows.PUT_BUCKET_WEBSITE, "ErrorDocument.Charity404", SWITCH),
    (rows.PUT_BUCKET_WEBSITE, ROUTE + "Redirect.Protocol", PROTOCOL),
    (rows.PUT_BUCKET_WEBSITE, ROUTE + "Redirect.URLRedirect", SWITCH),
    (rows.PUT_BUCKET_REPLICATION, REPLICA + "Status", SWITCH),
    (rows.PUT_BUCKET_REPLICATION, REPLICA + "DeleteMarkerReplication.Status", SWITCH),
    (
        rows.PUT_BUCKET_REPLICATION,
        REPLICA + "SourceSelectionCriteria.SseKmsEncryptedObjects.Status",
        SWITCH,
    ),
    (rows.PUT_BUCKET_DOMAIN, DOMAIN + "Status", (("ENABLED", "DISABLED"), ("Enabled", "on"))),
    (rows.PUT_BUCKET_DOMAIN, DOMAIN + "Type", (("REST", "WEBSITE", "ACCELERATE"), ("rest", "CDN"))),
    (rows.PUT_BUCKET_DOMAIN, DOMAIN + "ForcedReplacement", (("CNAME", "TXT"), ("A", "cname"))),
    (rows.PUT_BUCKET_INVENTORY, "IsEnabled", TRUTH),
    (rows.PUT_BUCKET_INVENTORY, "IncludedObjectVersions", (("All", "Current"), ("all", "Latest"))),
    (rows.PUT_BUCKET_INVENTORY, "Schedule.Frequency", (("Daily", "Weekly"), ("daily", "Hourly"))),
    (
        rows.PUT_BUCKET_INVENTORY,
        "Destination.COSBucketDestination.Format",
        (("CSV", "ORC", "Parquet"), ("csv", "PARQUET", "JSON")),
    ),
    (rows.POST_BUCKET_INVENTORY, "IncludedObjectVersions", (("All", "Current"), ("None",))),
    (
        rows.PUT_BUCKET_ORIGIN,
        ORIGIN + "OriginType",
        (("Mirror", "Proxy", "Redirect"), ("mirror", "Sync")),
    ),
    (rows.PUT_BUCKET_ORIGIN, PULL + "Protocol", (("HTTP", "HTTPS", "FOLLOW"), ("http", "TCP"))),
    (rows.PUT_BUCKET_ORIGIN, PULL + "HttpRedirectCode", CODES),
    (rows.PUT_BUCKET_ORIGIN, PULL + "FollowQueryString", TRUTH),
    (rows.PUT_BUCKET_ORIGIN, PULL + "FollowRedirection", TRUTH),
    (rows.PUT_BUCKET_ORIGIN, PULL + "CopyOriginData", TRUTH),
    (rows.PUT_BUCKET_ORIGIN, PULL + "TransparentErrorCode", TRUTH),
    (rows.PUT_BUCKET_ORIGIN, PULL + "HttpHeader.FollowAllHeaders", TRUTH),
    (rows.PUT_BUCKET_REFERER, "Status", SWITCH),
    (
        rows.PUT_BUCKET_REFERER,
        "RefererType",
        (("Black-List", "White-List"), ("Blacklist", "black-list", "Whitelist")),
    ),
    (rows.PUT_BUCKET_REFERER, "EmptyReferConfiguration", (("Allow", "Deny"), ("allow", "true"))),
    (rows.PUT_BUCKET_INTELLIGENTTIERING, "Status", (("Enabled", "Suspended"), ("On", "enabled"))),
    (rows.PUT_BUCKET_INTELLIGENTTIERING_V2, "Status", (("Enabled", "Disabled"), ("Off",))),
    (rows.PUT_BUCKET_ENCRYPTION, DEFAULT + "SSEAlgorithm", (("AES256", "KMS"), ("AES", "aes256"))),
    (rows.PUT_BUCKET_ENCRYPTION, DEFAULT + "KMSAlgorithm", (("AES256", "SM4"), ("AES128",))),
    (rows.PUT_BUCKET_OBJECT_LOCK, "ObjectLockEnabled", (("Enabled",), ("Disabled", "true"))),
    (
        rows.PUT_BUCKET_OBJECT_LOCK,
        "Rule.DefaultRetention.Mode",
        (("COMPLIANCE",), ("GOVERNANCE", "compliance")),
    ),
]
CASES = [
    pytest.param(row, path, word, is_right, id=f"{row.function}-{path.rpartition('.')[2]}-{word}")
    for row, path, (right, wrong) in WORDS
    for is_right, words in ((True, right), (False, wrong))
    for word in words
]


def document(path: str, word: str) -> dict[str, Any]:
    """Return a document as a dict that has nothing but one text."""
    inner: Any = word
    for name in reversed(path.split(".")):
        inner = {name: inner}
    return dict(inner)


def written(row: Operation, path: str, word: str) -> bytes:
    """Return the same as XML."""
    assert row.body is not None
    names = [row.body.tag, *path.split(".")]
    return "".join(
        [*(f"<{name}>" for name in names), word, *(f"</{name}>" for name in reversed(names))]
    ).encode()


@pytest.mark.parametrize(("row", "path", "word", "is_right"), CASES)
def test_a_word_is_one_of_those_that_are_documented(
    row: Operation, path: str, word: str, is_right: bool
) -> None:
    assert row.body is not None
    query = {"id": "a"} if any(param.name == "Id" for param in row.params) else {}
    params = {"Bucket": "b-1", row.body.tag: document(path, word), **({"Id": "a"} if query else {})}
    body = written(row, path, word)
    if is_right:
        sent = encode_request(row, params).body
        assert sent is not None
        for text in (sent, body):
            read = decode_request(row, "b-1", None, query, {}, text)[row.body.tag]
            returned = reduce(
                lambda part, name: part[name][0]
                if isinstance(part[name], list)
                else part[name],
                path.split("."),
                read,
            )  # fmt: skip
            assert returned == (word.lower() if word.lower() in TRUTHS else word)
        return
    with pytest.raises(ParameterError, match=path.rpartition(".")[2]):
        encode_request(row, params)
    with pytest.raises(MalformedXML, match=path.rpartition(".")[2]):
        decode_request(row, "b-1", None, query, {}, body)


def test_truths_may_be_given_as_such() -> None:
    asked = {"Bucket": "b-1", "Id": "a", "InventoryConfiguration": {"IsEnabled": True}}
    sent = encode_request(rows.PUT_BUCKET_INVENTORY, asked).body
    assert sent is not None
    assert b"<IsEnabled>true</IsEnabled>" in sent


def test_an_empty_document_is_one() -> None:
    # Vendor: PUT Bucket logging, where an empty BucketLoggingStatus turns logging off.
    sent = encode_request(rows.PUT_BUCKET_LOGGING, {"Bucket": "b-1", "BucketLoggingStatus": {}})
    assert sent.body is not None
    assert sent.body.endswith(b"<BucketLoggingStatus></BucketLoggingStatus>")
    assert "content-md5" in sent.headers


@pytest.mark.parametrize("mark", [{}, None, ""])
def test_a_mark_without_content_may_be_an_empty_dict(mark: Any) -> None:
    # Vendor: the sample of put_bucket_inventory in its SDK for Python.
    place = {"Bucket": "qcs::cos:r::b-1", "Format": "CSV", "Encryption": {"SSECOS": mark}}
    document = {"Destination": {"COSBucketDestination": place}}
    asked = {"Bucket": "b-1", "Id": "a", "InventoryConfiguration": document}
    sent = encode_request(rows.PUT_BUCKET_INVENTORY, asked).body or b""
    assert b"<Encryption><SSECOS/>" in sent or b"<Encryption><SSECOS></SSECOS>" in sent


@pytest.mark.parametrize("mark", [{"a": 1}, [], 1.5, ["a"]])
def test_a_mark_without_content_holds_no_dict(mark: Any) -> None:
    place = {"Bucket": "qcs::cos:r::b-1", "Encryption": {"SSECOS": mark}}
    document = {"Destination": {"COSBucketDestination": place}}
    asked = {"Bucket": "b-1", "Id": "a", "InventoryConfiguration": document}
    with pytest.raises(ParameterError, match="SSECOS"):
        encode_request(rows.PUT_BUCKET_INVENTORY, asked)


# Texts that may be anything, or for whose words the vendor's pages differ.
FREE = set(
    """AccountId AccessTier Bucket Cert CertId CertType Days Domain DomainName Field FixedFilePath
    HTTPStatusCode HostName HttpErrorCodeReturnedEquals ID Id KMSMasterKeyID Key KeyPrefixEquals
    MonthlyDate Name Prefix Priority PrivateKey ReplaceKeyPrefixWith ReplaceKeyWith
    ReplacedWithPrefix ReplacedWithSuffix ReplicaKmsKeyID RequestFrequent Role RulePriority SSE-COS
    SSECOS StartTime EndTime StatusCode StorageClass Suffix TargetBucket TargetGrants TargetPrefix
    Value Weight""".split()
)


def texts(shape: Shape) -> list[Shape]:
    return [found for child in shape.children for found in texts(child)] or [shape]


@pytest.mark.parametrize(
    "row", [row for row in rows.BUCKET_SETTINGS if row.body], ids=lambda row: row.name
)
def test_every_text_is_free_or_one_of_few(row: Operation) -> None:
    assert row.body is not None
    for shape in texts(row.body):
        named = shape.tag in FREE or bool(shape.choices)
        # The status of a certificate is returned, never put.
        assert named or (row.body.tag, shape.tag) == ("DomainCertificate", "Status"), shape.tag
