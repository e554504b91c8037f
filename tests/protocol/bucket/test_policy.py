"""Policies of COS: principals, actions, resources, conditions, and refused documents."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.bucket.policy import MAX_POLICY, AccessRequest, ResourceLocation, parse_policy
from coskit.protocol.bucket.policy_conditions import RequestContext, wildcard_match
from coskit.protocol.errors import MalformedPolicy
from coskit.protocol.messages import Request
from coskit.protocol.operations import BY_NAME
from tests.support.ids import stable_id

BUCKET = "examplebucket-1250000000"
PLACE = ResourceLocation("ap-local", ("100000000001", "1250000000"), BUCKET)
EVERYTHING = f"qcs::cos:ap-local:uid/1250000000:{BUCKET}/*"
NOON = 1_700_049_600_000  # 2023-11-15T12:00:00Z


def statement(**changes: Any) -> dict[str, Any]:
    """Return a statement that allows everyone to get every object, with changes."""
    usual = {
        "Principal": "*",
        "Effect": "allow",
        "Action": "name/cos:GetObject",
        "Resource": EVERYTHING,
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


def text(*statements: Any, **more: Any) -> str:
    return json.dumps({"version": "2.0", "Statement": list(statements), **more})


def ask(
    account: str | None = "1260000000",
    operation: str = "GetObject",
    key: str = "dir/key",
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    address: str = "192.0.2.7",
    secure: bool = False,
) -> AccessRequest:
    """Return a question, asked at noon."""
    request = Request("GET", "/", tuple((query or {}).items()), headers or {})
    about = RequestContext(request, address, secure, NOON, "ap-local")
    return AccessRequest(account, BY_NAME[operation], PLACE, key, about)


def allows(change: dict[str, Any], question: AccessRequest) -> bool:
    return parse_policy(text(statement(**change))).verdict(question) == "allow"


def cam(owner: str, sub: str) -> dict[str, list[str]]:
    return {"qcs": [f"qcs::cam::uin/{owner}:{sub}"]}


PRINCIPALS: list[tuple[Any, set[str | None]]] = [
    ("*", {"1", "1/2", "3", None}),
    ({"qcs": "*"}, {"1", "1/2", "3", None}),
    ({"qcs": ["qcs::cam::anyone:anyone"]}, {"1", "1/2", "3", None}),
    ({"qcs": ["qcs::cam::anonymous:anonymous"]}, {None}),
    (cam("1", "uin/1"), {"1"}),
    (cam("1", "root"), {"1"}),
    (cam("1", "uin/2"), {"1/2"}),
    (cam("1", "uin/*"), {"1", "1/2"}),
    ({"QCS": ["qcs::cam::uin/1:uin/2", "qcs::cam::uin/3:uin/3"]}, {"1/2", "3"}),
]


@pytest.mark.parametrize(("principal", "who"), PRINCIPALS, ids=stable_id)
def test_a_principal_matches_the_accounts_it_names(principal: Any, who: set[str | None]) -> None:
    found = {a for a in ("1", "1/2", "3", None) if allows({"Principal": principal}, ask(a))}
    assert found == who


ACTIONS = [
    ("*", {"GetObject", "PutObject", "DeleteBucket", "ListObjects", "CopyObject"}),
    ("name/cos:*", {"GetObject", "PutObject", "DeleteBucket", "ListObjects", "CopyObject"}),
    ("name/cos:GetObject", {"GetObject"}),
    ("cos:GetObject", {"GetObject"}),
    ("NAME/COS:getobject", {"GetObject"}),
    ("name/cos:Get*", {"GetObject", "ListObjects"}),
    ("name/cos:*Object", {"GetObject", "PutObject", "CopyObject"}),
    ("name/cos:GetBucket", {"ListObjects"}),
    ("name/cos:PutObjectCopy", {"CopyObject"}),
    ("name/cos:PutBucketWebsite", set()),
    ("name/cam:*", set()),
    (["name/cos:PutObject", "name/cos:DeleteBucket"], {"PutObject", "CopyObject", "DeleteBucket"}),
]


@pytest.mark.parametrize(("action", "operations"), ACTIONS, ids=stable_id)
def test_what_an_action_names(action: Any, operations: set[str]) -> None:
    asked = ("GetObject", "PutObject", "DeleteBucket", "ListObjects", "CopyObject")
    assert {o for o in asked if allows({"Action": action}, ask(operation=o))} == operations


RESOURCES = [
    ("*", {"", "dir/key", "dir/", "other"}),
    (EVERYTHING, {"", "dir/key", "dir/", "other"}),
    (f"qcs::cos:*:uid/*:{BUCKET}/*", {"", "dir/key", "dir/", "other"}),
    ("qcs::cos:ap-local:uid/1250000000:*", {"", "dir/key", "dir/", "other"}),
    (f"qcs::cos::uid/100000000001:{BUCKET}/dir/*", {"dir/key", "dir/"}),
    (f"qcs::cos:ap-local:uid/1250000000:{BUCKET}/dir/key", {"dir/key"}),
    (f"qcs::cos:ap-local:uid/1250000000:{BUCKET}/*key", {"dir/key"}),
    (f"qcs::cos:ap-local:uid/1250000000:{BUCKET}/DIR/*", set()),
    (f"qcs::cos:ap-local:uid/1250000000:{BUCKET}/", {""}),
    (f"qcs::cos:ap-local:uid/1250000000:{BUCKET}", {""}),
    (
        "qcs::cos:ap-local:uid/1250000000:prefix//1250000000/examplebucket/dir/*",
        {"dir/key", "dir/"},
    ),
    (f"qcs::cos:ap-beijing:uid/1250000000:{BUCKET}/*", set()),
    (f"qcs::cos:ap-local:uid/1260000000:{BUCKET}/*", set()),
    ("qcs::cos:ap-local:uid/1250000000:other-1250000000/*", set()),
]


@pytest.mark.parametrize(("resource", "keys"), RESOURCES)
def test_what_a_resource_names(resource: str, keys: set[str]) -> None:
    found = {
        k for k in ("", "dir/key", "dir/", "other") if allows({"Resource": resource}, ask(key=k))
    }
    assert found == keys


@pytest.mark.parametrize(
    ("path", "prefix", "allowed"),
    [
        ("*", None, True),
        ("", None, True),
        ("", "dir/", True),
        ("dir/*", None, False),
        ("dir/*", "", False),
        ("dir/*", "dir", False),
        ("dir/*", "dir/", True),
        ("dir/*", "dir/sub", True),
        ("dir/key", "dir/key", True),
    ],
)
def test_a_listing_is_about_its_prefix(path: str, prefix: str | None, allowed: bool) -> None:
    change = {"Action": "*", "Resource": f"qcs::cos:*:uid/*:{BUCKET}/{path}"}
    query = {} if prefix is None else {"prefix": prefix}
    for operation in ("ListObjects", "ListObjectsVersions", "ListMultipartUploads"):
        assert allows(change, ask(operation=operation, key="", query=query)) == allowed
    policy = parse_policy(text(statement(**change, Effect="deny"), statement(Action="*")))
    listing = ask(operation="ListObjects", key="", query=query)
    assert policy.verdict(listing) == ("deny" if allowed else "allow")
    assert not allows({**change, "Resource": "qcs::cos:::x/*"}, listing)


HTML, PREFIXED = {"content-type": "text/html"}, {"prefix": "a/b"}
CONDITIONS: list[tuple[str, str, Any, AccessRequest, bool]] = [
    ("ip_equal", "qcs:ip", "192.0.2.0/24", ask(), True),
    ("ip_equal", "qcs:ip", ["10.0.0.1", "192.0.2.7"], ask(), True),
    ("ip_equal", "qcs:ip", "192.0.2.7/24", ask(address="192.0.2.99"), True),
    ("ip_equal", "qcs:ip", "192.0.2.0/24", ask(address="192.0.3.7"), False),
    ("ip_equal", "qcs:ip", "192.0.2.0/24", ask(address="::ffff:192.0.2.7"), True),
    ("ip_equal", "qcs:ip", "2001:db8::/32", ask(address="2001:db8::1"), True),
    ("ip_equal", "qcs:ip", "0.0.0.0/0", ask(address=""), False),
    ("ip_not_equal", "qcs:ip", ["10.0.0.0/8", "192.0.2.0/24"], ask(), False),
    ("ip_not_equal", "qcs:ip", ["10.0.0.0/8"], ask(), True),
    ("ip_not_equal", "qcs:ip", ["10.0.0.0/8"], ask(address=""), True),
    ("string_equal", "cos:prefix", "a/b", ask(query=PREFIXED), True),
    ("string_equal", "cos:prefix", "a%2Fb", ask(query=PREFIXED), True),
    ("string_equal", "COS:Prefix", ["x", "a/b"], ask(query=PREFIXED), True),
    ("string_equal", "cos:prefix", "A/b", ask(query=PREFIXED), False),
    ("string_equal", "cos:prefix", "", ask(query={"prefix": ""}), True),
    ("string_equal", "cos:prefix", "", ask(), False),
    ("string_equal_if_exist", "cos:prefix", "a", ask(), True),
    ("string_equal_if_exist", "cos:prefix", "a", ask(query=PREFIXED), False),
    ("string_not_equal", "cos:prefix", "a", ask(query=PREFIXED), True),
    ("string_not_equal", "cos:prefix", ["a", "a/b"], ask(query=PREFIXED), False),
    ("string_not_equal", "cos:prefix", "a", ask(), False),
    ("string_not_equal_if_exist", "cos:prefix", "a", ask(), True),
    ("string_equal_ignore_case", "cos:prefix", "A/B", ask(query=PREFIXED), True),
    ("string_not_equal_ignore_case", "cos:prefix", "A/B", ask(query=PREFIXED), False),
    ("string_like", "cos:prefix", "a/*", ask(query=PREFIXED), True),
    ("string_like", "cos:prefix", "b*", ask(query=PREFIXED), False),
    ("string_not_like", "cos:prefix", "a*", ask(query=PREFIXED), False),
    ("string_like", "cos:content-type", "text/*", ask(headers=HTML), True),
    ("string_equal", "cos:delimiter", "/", ask(query={"delimiter": "/"}), True),
    ("string_equal", "cos:versionid", "v", ask(query={"versionId": "v"}), True),
    ("string_equal", "cos:x-cos-acl", "private", ask(headers={"x-cos-acl": "private"}), True),
    ("string_equal", "cos:x-cos-storage-class", "ARCHIVE", ask(), False),
    ("numeric_less_than_equal", "cos:max-keys", "10", ask(query={"max-keys": "10"}), True),
    ("numeric_less_than_equal", "cos:max-keys", 10, ask(query={"max-keys": "11"}), False),
    ("numeric_less_than", "cos:max-keys", 10, ask(query={"max-keys": "10"}), False),
    ("numeric_greater_than", "cos:content-length", 5, ask(headers={"content-length": "6"}), True),
    ("numeric_greater_than_equal", "cos:max-keys", 10, ask(query={"max-keys": "9"}), False),
    ("numeric_equal", "cos:max-keys", [1, 2], ask(query={"max-keys": "2"}), True),
    ("numeric_not_equal", "cos:max-keys", [1, 2], ask(query={"max-keys": "2"}), False),
    ("numeric_equal", "cos:max-keys", 0, ask(query={"max-keys": "x"}), False),
    ("numeric_less_than_equal", "cos:max-keys", 10, ask(), False),
    ("bool_equal", "cos:secure-transport", "true", ask(), False),
    ("bool_equal", "cos:secure-transport", True, ask(secure=True), True),
    ("bool_equal", "cos:secure-transport", "false", ask(), True),
    ("date_less_than", "qcs:current_time", "2023-11-15T12:00:01Z", ask(), True),
    ("date_greater_than", "qcs:current_time", "2023-11-15T12:00:01Z", ask(), False),
    ("date_greater_than_equal", "qcs:current_time", "2023-11-15T12:00:00Z", ask(), True),
]


@pytest.mark.parametrize(("operator", "key", "values", "question", "met"), CONDITIONS, ids=str)
def test_what_a_condition_asks(
    operator: str, key: str, values: Any, question: AccessRequest, met: bool
) -> None:
    condition = {operator: {key: values}}
    assert allows({"Condition": condition}, question) == met
    assert allows({"condition": {operator.upper(): {key: values}}}, question) == met


def test_every_condition_has_to_be_met() -> None:
    condition = {
        "ip_equal": {"qcs:ip": "192.0.2.0/24"},
        "string_equal": {"cos:prefix": "a", "cos:delimiter": "/"},
    }
    both = {"prefix": "a", "delimiter": "/"}
    assert allows({"Condition": condition}, ask(query=both))
    assert not allows({"Condition": condition}, ask(query={"prefix": "a"}))
    assert not allows({"Condition": condition}, ask(query=both, address="10.0.0.1"))


def test_a_deny_wins_in_any_order() -> None:
    allow, deny = statement(), statement(Effect="Deny", Resource=f"{EVERYTHING[:-1]}dir/*")
    for statements in ((allow, deny), (deny, allow)):
        policy = parse_policy(text(*statements))
        assert policy.verdict(ask()) == "deny"
        assert policy.verdict(ask(key="other")) == "allow"
        assert policy.verdict(ask(operation="PutObject")) is None


def test_a_principal_may_stand_outside_and_a_keys_policy_needs_none() -> None:
    bare = statement(Principal=None)
    policy = parse_policy(text(bare, Principal=cam("1", "uin/1")))
    assert [policy.verdict(ask(who)) for who in ("1", "2", None)] == ["allow", None, None]
    assert parse_policy(text(bare), of_bucket=False).verdict(ask("2")) == "allow"


MALFORMED: list[tuple[str, str]] = [
    ("nothing", ""),
    ("no JSON", "{"),
    ("deep JSON", "[" * 15_000),
    ("a list", "[]"),
    ("no statement", '{"version": "2.0"}'),
    ("statements that are none", '{"Statement": []}'),
    ("a text for a statement", text("x")),
    ("another version", text(statement(), version="3.0")),
    ("two members of one name", '{"Statement": [], "statement": []}'),
    ("an unknown member", text(statement(), Comment="x")),
    ("an unknown member of a statement", text(statement(NotAction="*"))),
    ("no effect", text(statement(Effect=None))),
    ("another effect", text(statement(Effect="permit"))),
    ("no principal", text(statement(Principal=None))),
    ("an empty principal", text(statement(Principal={"qcs": []}))),
    ("another kind of principal", text(statement(Principal={"service": "cos"}))),
    ("a role", text(statement(Principal={"qcs": "qcs::cam::uin/1:roleName/x"}))),
    ("a bare number", text(statement(Principal={"qcs": "100"}))),
    ("no action", text(statement(Action=None))),
    ("an empty action", text(statement(Action=[]))),
    ("an action that is no name", text(statement(Action="GetObject"))),
    ("an action that is a number", text(statement(Action=[1]))),
    ("no resource", text(statement(Resource=None))),
    ("a resource of another service", text(statement(Resource="qcs::cvm:::x/*"))),
    ("a path alone", text(statement(Resource="bucket/*"))),
    ("a condition that is a list", text(statement(Condition=[]))),
    ("an unknown operator", text(statement(Condition={"text_equal": {"cos:prefix": "a"}}))),
    ("an operator without keys", text(statement(Condition={"string_equal": {}}))),
    ("an unknown key", text(statement(Condition={"string_equal": {"cos:colour": "a"}}))),
    ("a network", text(statement(Condition={"string_equal": {"qcs:vpc": "vpc-1"}}))),
    ("a key of another kind", text(statement(Condition={"numeric_equal": {"cos:prefix": 1}}))),
    ("no values", text(statement(Condition={"string_equal": {"cos:prefix": []}}))),
    ("an object as value", text(statement(Condition={"string_equal": {"cos:prefix": {}}}))),
    ("no address", text(statement(Condition={"ip_equal": {"qcs:ip": "10.0.0.0/33"}}))),
    ("no number", text(statement(Condition={"numeric_equal": {"cos:max-keys": "1e3"}}))),
    ("no date", text(statement(Condition={"date_equal": {"qcs:current_time": "noon"}}))),
    ("no boolean", text(statement(Condition={"bool_equal": {"cos:secure-transport": 1}}))),
    ("too much", text(statement(Sid="x" * MAX_POLICY))),
]


@pytest.mark.parametrize(("about", "document"), MALFORMED, ids=lambda value: value[:40])
def test_a_policy_with_an_ignored_member_is_refused(about: str, document: str) -> None:
    with pytest.raises(MalformedPolicy):
        parse_policy(document)


@pytest.mark.parametrize(
    ("pattern", "subject", "like"),
    [
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("a*", "a", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("*ab*ab", "ab", False),
        ("*ab*ab", "abab", True),
        ("a**b", "ab", True),
        ("a*b*c", "a\nb\nc", True),
        ("a*b*c", "acb", False),
        ("[a]?.", "[a]?.", True),
        ("[a]", "a", False),
    ],
)
def test_an_asterisk_stands_for_any_text(pattern: str, subject: str, like: bool) -> None:
    assert wildcard_match(pattern, subject) == like


@given(st.lists(st.text("ab/", max_size=3), min_size=1, max_size=4), st.text("ab/", max_size=6))
def test_a_pattern_is_like_what_fills_its_asterisks(pieces: list[str], filling: str) -> None:
    assert wildcard_match("*".join(pieces), filling.join(pieces))


def test_a_hostile_pattern_costs_no_more_than_others() -> None:
    assert not wildcard_match("*a" * 400 + "*b", "a" * 850)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "Statement",
                        "Principal",
                        "qcs",
                        "Effect",
                        "Action",
                        "Resource",
                        "Condition",
                        "ip_equal",
                        "qcs:ip",
                        "x",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_a_policy_or_is_malformed(document: Any) -> None:
    for tried in (
        document,
        {"Statement": document},
        {"Statement": [statement(Condition=document)]},
    ):
        try:
            parse_policy(json.dumps(tried))
        except MalformedPolicy:
            continue
