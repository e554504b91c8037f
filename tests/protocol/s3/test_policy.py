"""Policies of S3: principals, actions, resources, conditions, and refused documents."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.bucket.policy import AccessRequest, ResourceLocation, parse_policy
from coskit.protocol.bucket.policy_conditions import RequestContext
from coskit.protocol.errors import MalformedPolicy
from coskit.protocol.messages import Request
from coskit.protocol.operations import OPERATIONS
from coskit.protocol.s3.names import to_cos
from coskit.protocol.s3.operations import S3_OPERATIONS
from coskit.protocol.s3.policy.actions import s3_actions
from coskit.protocol.s3.policy.operators import matches_pattern
from coskit.protocol.s3.policy.policy import S3Statement, parse_bucket_policy

ROWS = {row.name: row for row in (*OPERATIONS, *S3_OPERATIONS)}
PLACE = ResourceLocation("ap-local", ("100000000001",), "shop")
NOON = 1_700_049_600_000  # 2023-11-15T12:00:00Z
OTHER = "1260000000"


def statement(**changes: Any) -> dict[str, Any]:
    """Return a statement that lets everyone get every object, with changes."""
    usual = {
        "Principal": "*",
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::shop/*",
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


def text(*statements: Any, **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more})


def ask(
    operation: str = "GetObject",
    account: str | None = OTHER,
    key: str = "dir/key",
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    address: str = "192.0.2.7",
    version: str | None = None,
    tags: dict[str, str] | None = None,
    secure: bool = False,
) -> AccessRequest:
    """Return a question, asked at noon in the words of S3."""
    request = to_cos(Request("GET", "/", tuple((query or {}).items()), headers or {}))
    about = RequestContext(request, address, secure, NOON, "ap-local")
    return AccessRequest(account, ROWS[operation], PLACE, key, about, version, lambda: tags or {})


def allows(change: dict[str, Any], question: AccessRequest) -> bool:
    return parse_bucket_policy(text(statement(**change))).verdict(question) == "allow"


PRINCIPALS: list[tuple[Any, set[str | None]]] = [
    ("*", {None, OTHER, f"{OTHER}/7", "5"}),
    ({"AWS": "*"}, {None, OTHER, f"{OTHER}/7", "5"}),
    ({"AWS": [OTHER, "5"]}, {OTHER, "5"}),
    ({"AWS": f"arn:aws:iam::{OTHER}:root"}, {OTHER}),
    ({"AWS": f"arn:aws:iam::{OTHER}:user/7"}, {f"{OTHER}/7"}),
    ({"AWS": f"arn:aws:iam::{OTHER}:user/{OTHER}"}, {OTHER}),
    ({"AWS": "arn:aws:iam:::user/5"}, {"5"}),
    ({"CanonicalUser": OTHER}, {OTHER}),
    ({"Service": "logging.s3.amazonaws.com"}, set()),
]


@pytest.mark.parametrize(("principal", "meant"), PRINCIPALS)
def test_a_principal_means_just_these(principal: Any, meant: set[str | None]) -> None:
    people = (None, OTHER, f"{OTHER}/7", "5")
    found = {who for who in people if allows({"Principal": principal}, ask(account=who))}
    assert found == meant


@pytest.mark.parametrize(
    ("action", "operation", "version", "meant"),
    [
        ("s3:GetObject", "GetObject", None, True),
        ("S3:getobject", "HeadObject", None, True),
        ("s3:GetObject", "GetObject", "null", False),
        ("s3:GetObjectVersion", "HeadObject", "v1", True),
        ("s3:GetObject*", "GetObjectAcl", None, True),
        ("s3:GetObject?cl", "GetObjectAcl", None, True),
        ("s3:*", "PutObjectRetention", None, True),
        ("*", "AbortMultipartUpload", None, True),
        ("s3:PutObject", "CompleteMultipartUpload", None, True),
        ("s3:PutObject", "AppendObject", None, True),
        ("s3:PutObject", "PutObjectAcl", None, False),
        ("s3:DeleteObject", "DeleteObjects", None, True),
        ("s3:DeleteObject", "DeleteObjects", "v1", False),
        ("s3:DeleteObjectVersion", "DeleteObject", "v1", True),
        ("s3:GetObject", "GetObjectAttributes", None, False),
        ("s3:BypassGovernanceRetention", "DeleteObject", None, False),
        ("ec2:*", "GetObject", None, False),
    ],
)
def test_an_action_means_a_request(
    action: str, operation: str, version: str | None, meant: bool
) -> None:
    assert allows({"Action": action}, ask(operation, version=version)) == meant


def test_attributes_take_both_rights_and_either_is_denied() -> None:
    both = ["s3:GetObject", "s3:GetObjectAttributes"]
    assert allows({"Action": both}, ask("GetObjectAttributes"))
    for one in both:
        policy = text(statement(Action=both), statement(Action=one, Effect="Deny"))
        assert parse_bucket_policy(policy).verdict(ask("GetObjectAttributes")) == "deny"


def test_every_row_can_be_named() -> None:
    for row in ROWS.values():
        for of_version in (False, True):
            for name in s3_actions(row, of_version=of_version):
                assert re.fullmatch("[a-z0-9]+", name), row.name
        assert allows({"Action": "s3:*", "Resource": "*"}, ask(row.name)), row.name


@pytest.mark.parametrize(
    ("resource", "key", "meant"),
    [
        ("arn:aws:s3:::shop/*", "a/b", True),
        ("arn:aws:s3:::shop/a/*", "a/b", True),
        ("arn:aws:s3:::shop/a/?", "a/b", True),
        ("arn:aws:s3:::shop/a/?", "a/bc", False),
        ("arn:aws:s3:::sh*/c*", "a/b", False),
        ("arn:aws-cn:s3:::*", "a/b", True),
        ("arn:aws:s3:::*/*", "a/b", True),
        ("arn:aws:s3:::shop", "a/b", False),
        ("arn:aws:s3:::shop", "", True),
        ("arn:aws:s3:::shop/*", "", False),
        ("*", "", True),
    ],
)
def test_a_resource_means_keys_or_the_bucket(resource: str, key: str, meant: bool) -> None:
    assert allows({"Resource": resource}, ask(key=key)) == meant


def test_the_opposites_mean_all_others() -> None:
    others = {"Action": None, "NotAction": ["s3:Put*", "s3:Delete*"]}
    assert allows(others, ask("GetObject"))
    assert not allows(others, ask("PutObject"))
    elsewhere = {"Resource": None, "NotResource": "arn:aws:s3:::shop/secret/*"}
    assert allows(elsewhere, ask(key="open"))
    assert not allows(elsewhere, ask(key="secret/plan"))
    policy = parse_bucket_policy(
        text(statement(Effect="Deny", Principal=None, NotPrincipal={"AWS": OTHER}))
    )
    assert policy.verdict(ask(account=OTHER)) is None
    assert policy.verdict(ask(account="5")) == policy.verdict(ask(account=None)) == "deny"


def header(name: str, value: str) -> dict[str, Any]:
    return {"headers": {name: value}}


CONDITIONS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"StringEquals": {"s3:x-amz-acl": "public-read"}}, header("x-amz-acl", "public-read"), True),
    ({"StringEquals": {"s3:x-amz-acl": "public-read"}}, {}, False),
    ({"StringNotEquals": {"s3:x-amz-acl": "private"}}, {}, True),
    ({"StringNotEquals": {"s3:x-amz-acl": "private"}}, header("x-amz-acl", "private"), False),
    ({"StringEqualsIfExists": {"s3:x-amz-acl": "private"}}, {}, True),
    ({"StringEqualsIfExists": {"s3:x-amz-acl": "private"}}, header("x-amz-acl", "open"), False),
    ({"Null": {"s3:x-amz-server-side-encryption": "true"}}, {}, True),
    (
        {"Null": {"s3:x-amz-server-side-encryption": "false"}},
        header("x-amz-server-side-encryption", "aws:kms"),
        True,
    ),
    (
        {"StringEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
        header("x-amz-server-side-encryption", "aws:kms"),
        True,
    ),
    (
        {"StringEquals": {"s3:x-amz-storage-class": "GLACIER"}},
        header("x-amz-storage-class", "GLACIER"),
        True,
    ),
    (
        {"StringEquals": {"s3:x-amz-grant-full-control": "id=5"}},
        header("x-amz-grant-full-control", "id=5"),
        True,
    ),
    (
        {"StringLike": {"s3:x-amz-copy-source": "other/open/*"}},
        header("x-amz-copy-source", "/other/open%2Fkey?versionId=v"),
        True,
    ),
    (
        {"StringEquals": {"s3:x-amz-metadata-directive": "REPLACE"}},
        header("x-amz-metadata-directive", "REPLACE"),
        True,
    ),
    ({"StringLike": {"s3:prefix": ["home/*", "x"]}}, {"query": {"prefix": "home/me"}}, True),
    ({"StringLike": {"s3:prefix": "home/*"}}, {"query": {"prefix": "etc"}}, False),
    ({"NumericLessThanEquals": {"s3:max-keys": 10}}, {"query": {"max-keys": "10"}}, True),
    ({"NumericLessThan": {"s3:max-keys": "10"}}, {"query": {"max-keys": "ten"}}, False),
    ({"StringEquals": {"s3:ExistingObjectTag/Kind": "open"}}, {"tags": {"Kind": "open"}}, True),
    ({"StringEquals": {"s3:ExistingObjectTag/kind": "open"}}, {"tags": {"Kind": "open"}}, False),
    (
        {"StringEquals": {"s3:RequestObjectTag/a b": "1"}},
        header("x-amz-tagging", "a%20b=1&c=2"),
        True,
    ),
    (
        {"ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": ["a", "c"]}},
        header("x-amz-tagging", "a=1&c=2"),
        True,
    ),
    (
        {"ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": ["a"]}},
        header("x-amz-tagging", "a=1&c=2"),
        False,
    ),
    (
        {"ForAnyValue:StringEquals": {"s3:RequestObjectTagKeys": "c"}},
        header("x-amz-tagging", "a=1&c=2"),
        True,
    ),
    # IAM, "Set operators for multi-valued context keys": sets that overlap in part, and none
    *(
        ({f"{quantified}:StringNotEquals": {"s3:RequestObjectTagKeys": values}}, sent, meant)
        for quantified, values, sent, meant in (
            ("ForAllValues", ["b"], header("x-amz-tagging", "a=1&b=2"), False),
            ("ForAllValues", ["c"], header("x-amz-tagging", "a=1&b=2"), True),
            ("ForAllValues", ["b"], {}, True),
            ("ForAnyValue", ["b"], header("x-amz-tagging", "a=1&b=2"), True),
            ("ForAnyValue", ["a", "b"], header("x-amz-tagging", "a=1&b=2"), False),
            ("ForAnyValue", ["b"], {}, False),
        )
    ),
    ({"ForAnyValue:StringNotEqualsIfExists": {"s3:RequestObjectTagKeys": "b"}}, {}, True),
    ({"ForAnyValue:StringNotLike": {"aws:UserAgent": "b"}}, {}, False),
    ({"ForAllValues:StringNotLike": {"aws:UserAgent": "b"}}, {}, True),
    ({"StringNotLike": {"aws:UserAgent": "b"}}, {}, True),
    ({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, {}, True),
    ({"IpAddress": {"aws:SourceIp": "192.0.2.8"}}, {}, False),
    ({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, {}, False),
    ({"IpAddress": {"aws:SourceIp": "::/0"}}, {}, False),
    ({"IpAddress": {"aws:SourceIp": "192.0.2.7"}}, {"address": "::ffff:192.0.2.7"}, True),
    ({"Bool": {"aws:SecureTransport": "false"}}, {}, True),
    ({"Bool": {"aws:SecureTransport": False}}, {"secure": True}, False),
    ({"DateLessThan": {"aws:CurrentTime": "2023-11-15T12:00:01Z"}}, {}, True),
    ({"DateGreaterThan": {"aws:CurrentTime": "2023-11-15T12:00:01Z"}}, {}, False),
    ({"DateLessThan": {"aws:EpochTime": "1700049601"}}, {}, True),
    ({"NumericGreaterThan": {"aws:EpochTime": 1700049601}}, {}, False),
    (
        {"StringLike": {"aws:Referer": "http://a.example/*"}},
        header("referer", "http://a.example/x"),
        True,
    ),
    ({"StringLike": {"aws:UserAgent": "curl/?"}}, header("user-agent", "curl/8"), True),
    ({"StringEquals": {"aws:PrincipalAccount": OTHER}}, {"account": f"{OTHER}/7"}, True),
    ({"StringEquals": {"aws:username": "7"}}, {"account": f"{OTHER}/7"}, True),
    ({"StringEquals": {"s3:authType": "REST-HEADER"}}, header("authorization", "x"), True),
    ({"StringEquals": {"s3:authType": "REST-QUERY-STRING"}}, {"query": {"Signature": "x"}}, True),
    ({"StringEquals": {"s3:authType": "POST"}}, {}, True),
    ({"Null": {"s3:authType": "true"}}, {"account": None}, True),
    (
        {"StringEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}},
        header("authorization", "AWS4-HMAC-SHA256 x"),
        True,
    ),
    ({"StringEquals": {"s3:signatureversion": "AWS"}}, header("authorization", "AWS x"), True),
    ({"Null": {"s3:signatureversion": "true"}}, header("authorization", "q-sign"), True),
    ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OTHER}:*"}}, {}, True),
    ({"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::shop"}}, {}, False),
    (
        {"StringEquals": {"s3:object-lock-mode": "GOVERNANCE"}},
        header("x-amz-object-lock-mode", "GOVERNANCE"),
        True,
    ),
    (
        {"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": 9}},
        header("x-amz-object-lock-retain-until-date", "2023-11-25T12:00:00Z"),
        True,
    ),
    (
        {"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": 10}},
        header("x-amz-object-lock-retain-until-date", "2023-11-25T12:00:00Z"),
        False,
    ),
]


@pytest.mark.parametrize(("condition", "about", "met"), CONDITIONS)
def test_a_condition_holds(condition: dict[str, Any], about: dict[str, Any], met: bool) -> None:
    assert allows({"Condition": condition}, ask(**about)) == met


def test_all_conditions_have_to_hold() -> None:
    condition = {
        "StringEquals": {"s3:x-amz-acl": "private", "s3:prefix": "a"},
        "Bool": {"aws:SecureTransport": "true"},
    }
    about: dict[str, Any] = {**header("x-amz-acl", "private"), "query": {"prefix": "a"}}
    assert allows({"Condition": condition}, ask(**about, secure=True))
    assert not allows({"Condition": condition}, ask(**about))


@pytest.mark.parametrize(
    ("operation", "key"),
    [
        ("PutObjectTagging", "s3:RequestObjectTag/kind"),
        ("PutObjectTagging", "s3:RequestObjectTagKeys"),
        ("PutObjectRetention", "s3:object-lock-mode"),
        ("PutObjectRetention", "s3:object-lock-remaining-retention-days"),
        ("PutObjectLegalHold", "s3:object-lock-legal-hold"),
    ],
)
@pytest.mark.parametrize("operator", ["StringEquals", "StringNotEquals", "StringEqualsIfExists"])
def test_what_a_document_will_say_opens_nothing_and_is_denied(
    operation: str, key: str, operator: str
) -> None:
    """Rights are asked for before the document is read."""
    for effect, verdict in [("Allow", None), ("Deny", "deny")]:
        condition = {operator: {key: "1"}}
        policy = text(statement(Action="s3:*", Effect=effect, Condition=condition))
        assert parse_bucket_policy(policy).verdict(ask(operation)) == verdict


def test_a_deny_wins() -> None:
    policy = parse_bucket_policy(
        text(statement(), statement(Effect="Deny", Resource="arn:aws:s3:::shop/dir/*"))
    )
    assert policy.verdict(ask()) == "deny"
    assert policy.verdict(ask(key="else")) == "allow"
    assert policy.verdict(ask("PutObject", key="else")) is None


BAD: list[dict[str, Any]] = [
    {"Effect": "allow"},
    {"Effect": None},
    {"Principal": None},
    {"Principal": "5"},
    {"Principal": {"AWS": "a*"}},
    {"Principal": {"AWS": []}},
    {"Principal": {"AWS": "arn:aws:iam:::root"}},
    {"Principal": {"Martian": "x"}},
    {"Principal": None, "NotPrincipal": {"AWS": "5"}},
    {"NotPrincipal": {"AWS": "5"}},
    {"Action": None},
    {"Action": "GetObject"},
    {"Action": "s3:Get Object"},
    {"Action": []},
    {"NotAction": "s3:*"},
    {"Resource": None},
    {"Resource": "shop/*"},
    {"Resource": "arn:aws:s3:::"},
    {"Resource": "arn:aws:ec2:::shop/*"},
    {"Resource": "arn:aws:s3:::shop/${aws:username}/*"},
    {"Resource": 7},
    {"Condition": []},
    {"Condition": {"StringEquals": "x"}},
    {"Condition": {"StringResembles": {"s3:prefix": "x"}}},
    {"Condition": {"ForSomeValues:StringEquals": {"s3:prefix": "x"}}},
    {"Condition": {"StringEquals": {"s3:nothing": "x"}}},
    {"Condition": {"StringEquals": {"s3:ExistingObjectTag/": "x"}}},
    {"Condition": {"StringEquals": {"s3:prefix": []}}},
    {"Condition": {"StringEquals": {"s3:prefix": {"a": 1}}}},
    {"Condition": {"StringEquals": {"s3:prefix": "${aws:username}"}}},
    {"Condition": {"NumericEquals": {"s3:max-keys": "many"}}},
    {"Condition": {"NumericEquals": {"s3:max-keys": "NaN"}}},
    {"Condition": {"DateLessThan": {"aws:CurrentTime": "soon"}}},
    {"Condition": {"Bool": {"aws:SecureTransport": "yes"}}},
    {"Condition": {"Null": {"s3:prefix": "maybe"}}},
    {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/99"}}},
    {"Condition": {"ArnLike": {"aws:SourceArn": "shop"}}},
    {"Because": "x"},
]


@pytest.mark.parametrize("change", BAD)
def test_a_statement_with_an_ignored_member_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedPolicy):
        parse_bucket_policy(text(statement(**change)))


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "7",
        "{",
        '{"Version": "2012-10-17"}',
        '{"Version": "2012-10-17", "Statement": []}',
        '{"Version": "2012-10-17", "Statement": ["x"]}',
        '{"Version": "2012-10-18", "Statement": []}',
        '{"Version": ["2012-10-17"], "Statement": []}',
        '{"Version": "2012-10-17", "Version": "2008-10-17", "Statement": []}',
        text(statement(), More="x"),
        text(statement(Sid="x" * 30_000)),
    ],
)
def test_what_is_no_policy_is_refused(document: str) -> None:
    with pytest.raises(MalformedPolicy):
        parse_bucket_policy(document)


def test_the_language_follows_from_the_document() -> None:
    bare = json.dumps({"Statement": statement()})
    assert isinstance(parse_bucket_policy(bare).statements[0], S3Statement)
    cos = json.dumps(
        {
            "version": "2.0",
            "Statement": {
                "Principal": "*",
                "Effect": "allow",
                "Action": "name/cos:GetObject",
                "Resource": "qcs::cos:ap-local:uid/100000000001:shop/*",
            },
        }
    )
    assert parse_bucket_policy(cos) == parse_policy(cos)
    assert parse_bucket_policy(cos).verdict(ask()) == "allow"


@pytest.mark.parametrize(
    ("change", "within"),
    [
        ({"Resource": "arn:aws:s3:::shop"}, True),
        ({"Resource": ["arn:aws:s3:::sho*/x", "*"]}, True),
        ({"Resource": ["arn:aws:s3:::shop", "arn:aws:s3:::shops/*"]}, False),
        ({"Resource": None, "NotResource": "arn:aws:s3:::else"}, True),
    ],
)
def test_a_statement_is_about_its_own_bucket_or_not(change: dict[str, Any], within: bool) -> None:
    (found,) = parse_bucket_policy(text(statement(**change))).statements
    assert found.is_within(PLACE) == within


@pytest.mark.parametrize(
    ("change", "public"),
    [
        ({}, True),
        ({"Effect": "Deny"}, False),
        ({"Principal": {"AWS": OTHER}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}, True),
        ({"Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}, True),
        ({"Condition": {"StringEquals": {"aws:PrincipalAccount": OTHER}}}, False),
        ({"Condition": {"StringEqualsIfExists": {"aws:PrincipalAccount": OTHER}}}, True),
        ({"Condition": {"StringLike": {"aws:PrincipalAccount": "12*"}}}, True),
        ({"Condition": {"StringLike": {"aws:Referer": "http://a.example/"}}}, True),
    ],
)
def test_a_policy_is_public_if_any_client_is_allowed(change: dict[str, Any], public: bool) -> None:
    assert parse_bucket_policy(text(statement(**change))).is_public == public


@pytest.mark.parametrize(
    ("condition", "public"),
    [
        ({}, True),
        ({"ip_equal": {"qcs:ip": "192.0.2.0/24"}}, False),
        ({"ip_equal": {"qcs:ip": ["192.0.2.0/24", "0.0.0.0/0"]}}, True),
        ({"ip_equal_if_exist": {"qcs:ip": "192.0.2.0/24"}}, True),
        ({"ip_not_equal": {"qcs:ip": "192.0.2.0/24"}}, True),
        ({"string_not_equal": {"cos:x-cos-acl": "private"}}, True),
    ],
)
def test_a_policy_of_cos_is_public_just_the_same(condition: dict[str, Any], public: bool) -> None:
    document = {
        "version": "2.0",
        "Statement": {
            "Principal": "*",
            "Effect": "allow",
            "Action": "name/cos:*",
            "Resource": "*",
            "Condition": condition,
        },
    }
    assert parse_bucket_policy(json.dumps(document)).is_public == public


def plain_wild(found: str, pattern: str) -> bool:
    """Say by trying everything whether a text is like a pattern."""
    if not pattern:
        return not found
    if pattern[0] == "*":
        return any(plain_wild(found[n:], pattern[1:]) for n in range(len(found) + 1))
    return bool(found) and pattern[0] in ("?", found[0]) and plain_wild(found[1:], pattern[1:])


@given(st.text("ab", max_size=7), st.text("ab*?", max_size=7))
def test_patterns_mean_what_trying_everything_finds(found: str, pattern: str) -> None:
    assert matches_pattern(found, pattern) == plain_wild(found, pattern)


def test_a_nasty_pattern_costs_no_time() -> None:
    assert not matches_pattern("a" * 20_000, "*a" * 200 + "b")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(statement() | {"Condition": {}})), values)
def test_whatever_stands_in_a_statement_is_read_or_refused(name: str, value: Any) -> None:
    try:
        policy = parse_bucket_policy(text(statement() | {name: value}))
    except MalformedPolicy:
        return
    assert policy.verdict(ask()) in ("allow", "deny", None)
