"""Access control lists: canned grants, headers, documents, and the permissions they give."""

from typing import Any

import pytest

from coskit.protocol.bucket.acl import (
    ALL_USERS,
    AUTHENTICATED_USERS,
    MAX_GRANTS,
    Grant,
    account_id,
    allows,
    canned_acl,
    canned_grants,
    document_grants,
    header_grants,
    policy_document,
)
from coskit.protocol.codec.xml.document import dump, load, parse
from coskit.protocol.errors import InvalidArgument
from coskit.protocol.operations import ACCESS_CONTROL, PERMISSIONS

PUBLIC_READ, PUBLIC_WRITE = Grant(ALL_USERS, "READ"), Grant(ALL_USERS, "WRITE")
MEMBERS_READ = Grant(AUTHENTICATED_USERS, "READ")

CANNED: list[tuple[str, bool, tuple[Grant, ...]]] = [
    ("private", True, ()),
    ("public-read", True, (PUBLIC_READ,)),
    ("public-read-write", True, (PUBLIC_READ, PUBLIC_WRITE)),
    ("authenticated-read", True, (MEMBERS_READ,)),
    ("private", False, ()),
    ("public-read", False, (PUBLIC_READ,)),
    ("authenticated-read", False, (MEMBERS_READ,)),
    ("bucket-owner-read", False, (Grant("100", "READ"),)),
    ("bucket-owner-full-control", False, (Grant("100", "FULL_CONTROL"),)),
]


@pytest.mark.parametrize(("name", "on_bucket", "grants"), CANNED)
def test_a_canned_acl(name: str, on_bucket: bool, grants: tuple[Grant, ...]) -> None:
    assert canned_grants(name, on_bucket=on_bucket, bucket_owner="100") == grants


NOT_CANNED = [
    ("", True),
    ("PRIVATE", True),
    ("default", True),
    ("bucket-owner-read", True),
    ("public-read-write", False),
    ("default", False),
    ("no such", False),
]


@pytest.mark.parametrize(("name", "on_bucket"), NOT_CANNED)
def test_what_is_no_canned_acl_is_refused(name: str, on_bucket: bool) -> None:
    with pytest.raises(InvalidArgument):
        canned_grants(name, on_bucket=on_bucket)


HEADERS = {
    'id="100"': ["100"],
    'id="100",id="200"': ["100", "200"],
    ' id = "100" , id="200" ': ["100", "200"],
    'ID="100"': ["100"],
    'uin="100"': ["100"],
    'id="100/101"': ["100/101"],
    'id="qcs::cam::uin/100:uin/101"': ["100/101"],
    'id="qcs::cam::uin/100:uin/100"': ["100"],
    f'uri="{ALL_USERS}"': [ALL_USERS],
}


@pytest.mark.parametrize(("value", "who"), HEADERS.items())
def test_the_grants_of_a_header(value: str, who: list[str]) -> None:
    assert header_grants("READ", value) == tuple(Grant(name, "READ") for name in who)


@pytest.mark.parametrize("value", ["", "100", "id=100", 'id="1",', 'id="1" id="2"', 'name="1"'])
def test_a_header_of_another_form_is_refused(value: str) -> None:
    with pytest.raises(InvalidArgument, match="uin"):
        header_grants("READ", value)


ACCOUNTS = {
    "100": "100",
    " 100 ": "100",
    "100/101": "100/101",
    "qcs::cam::uin/100:uin/100": "100",
    "qcs::cam::uin/100:uin/101": "100/101",
}


@pytest.mark.parametrize(("text", "account"), ACCOUNTS.items())
def test_the_spellings_of_an_account(text: str, account: str) -> None:
    assert account_id(text) == account


def policy(*grants: dict[str, Any]) -> dict[str, Any]:
    return {"Owner": {"ID": "1"}, "AccessControlList": {"Grant": list(grants)}}


DOCUMENTS: list[tuple[dict[str, Any], Grant]] = [
    ({"Grantee": {"ID": "100"}, "Permission": "READ"}, Grant("100", "READ")),
    (
        {"Grantee": {"Type": "RootAccount", "ID": "100"}, "Permission": "WRITE"},
        Grant("100", "WRITE"),
    ),
    (
        {"Grantee": {"Type": "Group", "URI": ALL_USERS}, "Permission": "READ_ACP"},
        Grant(ALL_USERS, "READ_ACP"),
    ),
    (
        {"Grantee": {"ID": "qcs::cam::uin/1:uin/2", "DisplayName": "x"}, "Permission": "WRITE_ACP"},
        Grant("1/2", "WRITE_ACP"),
    ),
    ({"Grantee": {"ID": "1", "URI": ""}, "Permission": "FULL_CONTROL"}, Grant("1", "FULL_CONTROL")),
]


@pytest.mark.parametrize(("item", "grant"), DOCUMENTS)
def test_the_grants_of_a_document(item: dict[str, Any], grant: Grant) -> None:
    assert document_grants(policy(item)) == (grant,)
    assert document_grants(policy(item, item)) == (grant, grant)


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"Permission": "READ"},
        {"Grantee": {}, "Permission": "READ"},
        {"Grantee": None, "Permission": "READ"},
        {"Grantee": {"ID": ""}, "Permission": "READ"},
        {"Grantee": {"ID": "1"}},
        {"Grantee": {"ID": "1"}, "Permission": "read"},
        {"Grantee": {"ID": "1"}, "Permission": "EVERYTHING"},
    ],
)
def test_a_grant_without_grantee_or_permission_is_refused(item: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        document_grants(policy(item))


def test_a_document_without_grants_has_none() -> None:
    documents: list[dict[str, Any]] = [{}, {"AccessControlList": None}, {"AccessControlList": {}}]
    for document in (*documents, policy()):
        assert document_grants(document) == ()


def test_the_number_of_grants_is_limited() -> None:
    grant = {"Grantee": {"ID": "1"}, "Permission": "READ"}
    assert len(document_grants(policy(*[grant] * MAX_GRANTS))) == MAX_GRANTS
    with pytest.raises(InvalidArgument, match="at most"):
        document_grants(policy(*[grant] * (MAX_GRANTS + 1)))


def test_a_policy_document_is_read_as_it_was_written() -> None:
    grants = tuple(
        Grant(who, permission)
        for who in ("100", "100/101", ALL_USERS, AUTHENTICATED_USERS)
        for permission in PERMISSIONS
    )
    document = policy_document("100", grants)
    assert document_grants(document) == grants
    assert load(ACCESS_CONTROL, parse(dump(ACCESS_CONTROL, document))) == document
    types = [item["Grantee"]["Type"] for item in document["AccessControlList"]["Grant"]]
    assert types == ["CanonicalUser"] * 10 + ["Group"] * 10


NAMES: list[tuple[tuple[Grant, ...], str]] = [
    ((), "private"),
    ((Grant("1", "FULL_CONTROL"),), "private"),
    ((MEMBERS_READ,), "private"),
    ((PUBLIC_READ,), "public-read"),
    ((Grant("1", "FULL_CONTROL"), PUBLIC_READ), "public-read"),
    ((PUBLIC_WRITE,), "private"),
    ((PUBLIC_READ, PUBLIC_WRITE), "public-read-write"),
    ((Grant(ALL_USERS, "FULL_CONTROL"),), "public-read-write"),
]


@pytest.mark.parametrize(("grants", "name"), NAMES)
def test_the_canned_name_of_a_policy(grants: tuple[Grant, ...], name: str) -> None:
    assert canned_acl(policy_document("1", grants)) == name


def test_an_object_that_inherits_is_default() -> None:
    assert canned_acl({**policy_document("1", ()), "x-cos-acl": "default"}) == "default"
    assert canned_acl({**policy_document("1", (PUBLIC_READ,)), "x-cos-acl": "default"}) == (
        "public-read"
    )


@pytest.mark.parametrize("asked", PERMISSIONS)
@pytest.mark.parametrize("given", PERMISSIONS)
@pytest.mark.parametrize(
    ("grantee", "welcome"),
    [
        ("100", {"100"}),
        ("100/101", {"100/101"}),
        (AUTHENTICATED_USERS, {"100", "100/101", "200"}),
        (ALL_USERS, {"100", "100/101", "200", None}),
    ],
)
def test_what_a_grant_allows(
    grantee: str, welcome: set[str | None], given: str, asked: str
) -> None:
    grants = (Grant("300", "FULL_CONTROL"), Grant(grantee, given))
    for account in ("100", "100/101", "200", None):
        expected = account in welcome and given in (asked, "FULL_CONTROL")
        assert allows(grants, account, asked) is expected


def test_no_grants_allow_nothing() -> None:
    assert not allows((), "100", "READ")
    assert not allows((), None, "READ")
