"""Signatures of forms: the example of AWS's manual, both versions, and refusals."""

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.errors import (
    AccessDenied,
    CosServiceError,
    InvalidArgument,
    SignatureDoesNotMatch,
)
from coskit.protocol.s3.auth.post_signature import (
    FormClaim,
    find_form_claim,
    sign_form,
    signing_fields,
    verify_form,
)
from coskit.protocol.s3.auth.sigv2 import sign_text

ME = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "token")
NOW = 1_451_347_200  # 20151229T000000Z
# From "Browser-Based Uploads Using POST".
POLICY = (
    "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7"
    "ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91"
    "c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3Qi"
    "OiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwi"
    "fSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRh"
    "LXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVT"
    "MjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNy"
    "ZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9"
    "LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAi"
    "MjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9"
)


def test_the_example_of_the_manual() -> None:
    assert b64decode(POLICY).startswith(b'{ "expiration": "2015-12-30T12:00:00.000Z"')
    assert sign_form(POLICY, ME, NOW, "us-east-1") == (
        "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
    )


FIELDS = {
    **signing_fields(ME, NOW, "us-east-1"),
    "policy": POLICY,
    "x-amz-signature": sign_form(POLICY, ME, NOW, "us-east-1"),
}
OLD_FIELDS = {
    "awsaccesskeyid": ME.secret_id,
    "policy": POLICY,
    "signature": sign_text(ME.secret_key, POLICY),
}


@given(st.text(), st.booleans())
def test_what_is_signed_is_verified_and_nothing_else(policy: str, is_old: bool) -> None:
    policy = policy or "x"
    signature = (
        sign_text(ME.secret_key, policy) if is_old else sign_form(policy, ME, NOW, "us-east-1")
    )
    fields = {
        **(OLD_FIELDS if is_old else FIELDS),
        "signature" if is_old else "x-amz-signature": signature,
    }
    claim = find_form_claim(fields)
    assert claim is not None
    assert claim.secret_id == ME.secret_id
    verify_form(claim, policy, ME.secret_key)
    for encoded, key in ((f"{policy}x", ME.secret_key), (policy, "another")):
        with pytest.raises(SignatureDoesNotMatch):
            verify_form(claim, encoded, key)


def test_a_token_is_among_the_fields_that_are_signed() -> None:
    assert FIELDS["x-amz-security-token"] == "token"
    assert "x-amz-security-token" not in signing_fields(Credentials("a", "b"), NOW, "any")


def test_a_form_without_signature_makes_no_claim() -> None:
    assert find_form_claim({"key": "a", "policy": POLICY, "q-signature": "x"}) is None


def test_a_signature_needs_its_policy() -> None:
    with pytest.raises(AccessDenied):
        verify_form(FormClaim("a", "b"), "", "key")


MALFORMED: dict[str, dict[str, str]] = {
    "another algorithm": {**FIELDS, "x-amz-algorithm": "AWS4-ECDSA-P256-SHA256"},
    "another day": {**FIELDS, "x-amz-date": "20151230T000000Z"},
    "no date": {**FIELDS, "x-amz-date": "now"},
    "a short scope": {**FIELDS, "x-amz-credential": ME.secret_id},
    "no key": {**OLD_FIELDS, "awsaccesskeyid": ""},
    **{
        f"without {name}": {other: text for other, text in fields.items() if other != name}
        for fields in (FIELDS, OLD_FIELDS)
        for name in fields
        if name not in ("policy", "x-amz-security-token")
    },
}


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_signature_is_refused(fields: dict[str, str]) -> None:
    error: type[CosServiceError] = InvalidArgument
    with pytest.raises(error):
        find_form_claim(fields)
