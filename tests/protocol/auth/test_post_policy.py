"""Policies of form uploads: written, read and checked against a form."""

import json
from base64 import b64encode
from typing import Any

import pytest

from coskit.protocol.auth.post_policy import (
    encode_policy,
    fixed_fields,
    key_condition,
    read_policy,
    write_policy,
)
from coskit.protocol.auth.verify import find_form_claim, verify_form
from coskit.protocol.errors import AccessDenied, InvalidPolicyDocument, SignatureDoesNotMatch

# The published vector.
TEXT = (
    '{"expiration":"2023-11-14T23:13:20.000Z","conditions":[{"bucket":"examplebucket-1250000000"},'
    '["starts-with","$key","up/"],["content-length-range",0,1048576],{"q-sign-algorithm":"sha1"},'
    '{"q-ak":"EXAMPLE-SECRET-ID"},{"q-sign-time":"1700000000;1700003600"}]}'
)
FIELDS = {
    "key": "up/a.txt",
    "q-sign-algorithm": "sha1",
    "q-ak": "EXAMPLE-SECRET-ID",
    "q-key-time": "1700000000;1700003600",
    "q-signature": "5f021b8dc0ea9002e1f1de952177e5e54c2fae28",
}
BUCKET = "examplebucket-1250000000"
NOW = 1700000100
NEEDED: list[Any] = [{"q-sign-algorithm": "sha1", "q-ak": "a", "q-sign-time": "1;2"}]
GIVEN = {"q-sign-algorithm": "sha1", "q-ak": "a", "q-key-time": "1;2"}


def test_the_published_form_is_allowed() -> None:
    policy = read_policy(encode_policy(TEXT))
    claim = find_form_claim(FIELDS)
    assert claim is not None
    verify_form(claim, policy.text, "EXAMPLE-SECRET-KEY", NOW)
    policy.check(FIELDS, BUCKET, NOW * 1000)
    assert (policy.smallest, policy.largest) == (0, 1048576)


def test_a_signature_is_of_one_policy_key_and_time() -> None:
    claim = find_form_claim(FIELDS)
    assert claim is not None
    with pytest.raises(SignatureDoesNotMatch):
        verify_form(claim, TEXT.replace("up/", ""), "EXAMPLE-SECRET-KEY", NOW)
    with pytest.raises(SignatureDoesNotMatch):
        verify_form(claim, TEXT, "ANOTHER-SECRET-KEY", NOW)
    for moment in (1700003601, 1699999999):
        with pytest.raises(AccessDenied):
            verify_form(claim, TEXT, "EXAMPLE-SECRET-KEY", moment)
    assert find_form_claim({"key": "up/a.txt"}) is None
    with pytest.raises(AccessDenied):
        find_form_claim({"q-signature": "x"})


CHECKS: list[tuple[str, list[Any], dict[str, str], bool]] = [
    ("an equal field", [{"acl": "private"}], {"acl": "private"}, True),
    ("another field", [{"acl": "private"}], {"acl": "public-read"}, False),
    ("a missing field", [{"acl": "private"}], {}, False),
    ("a list of eq", [["eq", "$acl", "private"]], {"acl": "private"}, True),
    ("a prefix", [["starts-with", "$Content-Type", "image/"]], {"content-type": "image/a"}, True),
    ("another prefix", [["starts-with", "$key", "a/"]], {"key": "b/a/"}, False),
    ("any text, which has to be there", [["starts-with", "$x-cos-meta-a", ""]], {}, False),
    ("any text", [["starts-with", "$x-cos-meta-a", ""]], {"x-cos-meta-a": ""}, True),
    ("a number", [{"success_action_status": 201}], {"success_action_status": "201"}, True),
    ("the bucket, which is no field", [{"bucket": BUCKET}], {}, True),
    ("another bucket", [{"bucket": "b"}], {"bucket": "b"}, False),
    (
        "two conditions on a field",
        [["starts-with", "$key", "a"], {"key": "b"}],
        {"key": "ab"},
        False,
    ),
]


@pytest.mark.parametrize(
    ("conditions", "fields", "allowed"), [c[1:] for c in CHECKS], ids=[c[0] for c in CHECKS]
)
def test_a_policy_compares(conditions: list[Any], fields: dict[str, str], allowed: bool) -> None:
    policy = read_policy(encode_policy(write_policy(2_000, NEEDED + conditions)))
    if allowed:
        policy.check({**GIVEN, **fields}, BUCKET, 1_999)
    else:
        with pytest.raises(AccessDenied):
            policy.check({**GIVEN, **fields}, BUCKET, 1_999)


def test_a_policy_ends() -> None:
    policy = read_policy(encode_policy(write_policy(2_000, NEEDED)))
    with pytest.raises(AccessDenied, match="expired"):
        policy.check(GIVEN, BUCKET, 2_000)


def encoded(conditions: object, expiration: object = "2030-01-01T00:00:00Z") -> str:
    return encode_policy(json.dumps({"expiration": expiration, "conditions": conditions}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "%%%",
        "e30",
        b64encode(b"\xff").decode(),
        b64encode(b"[" * 100_000).decode(),
        encode_policy("[]"),
        encode_policy("{}"),
        encoded({}),
        encoded(NEEDED, "soon"),
        encoded(NEEDED, None),
        encoded(NEEDED, 5),
        encoded([]),
        encoded([{"q-ak": "a", "q-sign-time": "1;2"}]),
        encoded([*NEEDED, "text"]),
        encoded([*NEEDED, {}]),
        encoded([*NEEDED, ["eq", "key", "a"]]),
        encoded([*NEEDED, ["like", "$key", "a"]]),
        encoded([*NEEDED, ["eq", "$key", None]]),
        encoded([*NEEDED, {"key": ["a"]}]),
        encoded([*NEEDED, {"key": True}]),
        encoded([*NEEDED, ["content-length-range", 1]]),
        encoded([*NEEDED, ["content-length-range", -1, 5]]),
        encoded([*NEEDED, ["content-length-range", "a", "b"]]),
        encoded([*NEEDED, [["eq"], "$key", "a"]]),
    ],
    ids=lambda text: text[:24],
)
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(InvalidPolicyDocument):
        read_policy(text)


def test_the_parts_of_a_form_follow_from_what_it_is_for() -> None:
    assert key_condition("a/b") == ("eq", "$key", "a/b")
    assert key_condition("a/${filename}") == ("starts-with", "$key", "a/")
    conditions = [{"acl": "private"}, ["eq", "$Expires", "0"], ["starts-with", "$key", "a"]]
    assert fixed_fields(conditions) == {"acl": "private", "Expires": "0"}
