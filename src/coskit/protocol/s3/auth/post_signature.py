"""The signature of an S3 form upload, in version 2 and 4; it covers the policy in Base64."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.auth.prepared_hmac import hmac_sha256
from coskit.protocol.errors import AccessDenied, InvalidArgument, SignatureDoesNotMatch
from coskit.protocol.messages import encode_text
from coskit.protocol.s3.auth import sigv2
from coskit.protocol.s3.auth.sigv4 import ALGORITHM, TOKEN, amz_date, parse_amz_date, signing_key
from coskit.protocol.s3.auth.sigv4_verify import read_credential


@dataclass(frozen=True, slots=True)
class FormClaim:
    """The signature data in a form, well-formed but not verified yet.

    Attributes:
        secret_id: the key's name.
        signature: the signature, in hex in version 4 and in Base64 in version 2.
        day: the day of the signing key, `20231114`; "" in version 2.
        region: the region of the signing key; "" in version 2.
    """

    secret_id: str
    signature: str
    day: str = ""
    region: str = ""


def find_form_claim(fields: Mapping[str, str]) -> FormClaim | None:
    """Return the signature data of a form's fields, by lower-case name, or None if it has none.

    Raises:
        InvalidArgument: there is a signature, but it is malformed.
    """
    if "x-amz-signature" in fields or "x-amz-algorithm" in fields:
        return _read_v4(fields)
    if "awsaccesskeyid" not in fields and "signature" not in fields:
        return None
    secret_id, signature = fields.get("awsaccesskeyid", ""), fields.get("signature", "")
    if not secret_id or not signature:
        raise InvalidArgument("The form lacks AWSAccessKeyId or signature")
    return FormClaim(secret_id, signature)


def verify_form(claim: FormClaim, encoded: str, secret_key: str) -> None:
    """Verify the signature of a form; the policy's own expiration limits its validity.

    Args:
        claim: the signature data, from `find_form_claim`.
        encoded: the field `policy`, in Base64 as it was received.
        secret_key: the secret of the claim's `secret_id`.

    Raises:
        AccessDenied: the form has no policy.
        SignatureDoesNotMatch: the signature is of another policy or another key.
    """
    if not encoded:
        raise AccessDenied("The form is signed but has no policy")
    if claim.day:
        expected = hmac_sha256(signing_key(secret_key, claim.day, claim.region), encoded)
    else:
        expected = sigv2.sign_text(secret_key, encoded)
    if not hmac.compare_digest(expected.encode(), encode_text(claim.signature)):
        raise SignatureDoesNotMatch


def signing_fields(credentials: Credentials, now: int, region: str) -> dict[str, str]:
    """Return the fields of a form signed in version 4, which its policy has to name.

    Args:
        credentials: the credentials to sign with.
        now: Unix second.
        region: the service's region.
    """
    date = amz_date(now)
    fields = {
        "x-amz-algorithm": ALGORITHM,
        "x-amz-credential": f"{credentials.secret_id}/{date[:8]}/{region}/s3/aws4_request",
        "x-amz-date": date,
    }
    return {**fields, TOKEN: credentials.token} if credentials.token else fields


def sign_form(encoded: str, credentials: Credentials, now: int, region: str) -> str:
    """Return the `x-amz-signature` of a form from the Base64 of its policy."""
    key = signing_key(credentials.secret_key, amz_date(now)[:8], region)
    return hmac_sha256(key, encoded)


def _read_v4(fields: Mapping[str, str]) -> FormClaim:
    if fields.get("x-amz-algorithm") != ALGORITHM:
        raise InvalidArgument(f"The form's X-Amz-Algorithm is not {ALGORITHM}")
    try:
        credential, date, signature = (
            fields[f"x-amz-{name}"] for name in ("credential", "date", "signature")
        )
    except KeyError as missing:
        raise InvalidArgument(f"The form lacks {missing}") from None
    secret_id, day, region = read_credential(credential, InvalidArgument)
    if parse_amz_date(date) is None or date[:8] != day:
        raise InvalidArgument("The form's X-Amz-Date is not of the credential's day")
    return FormClaim(secret_id, signature, day, region)
