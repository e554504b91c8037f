"""Authentication by S3 signatures of either version."""

from collections.abc import Mapping
from dataclasses import dataclass

from coskit.protocol.errors import AccessDenied, InvalidArgument
from coskit.protocol.messages import Request
from coskit.protocol.s3.auth import aws_chunked, sigv2, sigv4, sigv4_verify
from coskit.protocol.s3.auth.post_signature import find_form_claim, verify_form
from coskit.server.auth import authenticate
from coskit.server.auth.key_ring import KeyRing
from coskit.server.handlers.context import Principal

_TOKENS = ("X-Amz-Security-Token", sigv4.TOKEN)


@dataclass(frozen=True, slots=True)
class Identity:
    """The principal that signed a request, and the part of the signature that covers the body.

    Attributes:
        principal: the sender of the request.
        payload_hash: the signed hex SHA-256 of the body, or its substitute; "" if the signature
            does not cover the body.
        seed: the start of the chunk signatures, or None for a body without them.
    """

    principal: Principal
    payload_hash: str = ""
    seed: aws_chunked.SeedSignature | None = None


def identify(
    request: Request, bucket: str | None, key: str | None, keys: KeyRing, now: int
) -> Identity:
    """Return the principal that signed a request; an unsigned request is anonymous.

    Args:
        request: the request as received, in the names of S3.
        bucket: the name of the bucket that the request addresses, or None.
        key: the key that the request addresses, or None.
        keys: the keys of all accounts.
        now: Unix second.

    Raises:
        AuthorizationHeaderMalformed: the signature in the header is malformed.
        AuthorizationQueryParametersError: the signature in the query is malformed.
        InvalidArgument: the signature is of an unknown kind, or there are two.
        InvalidRequest: the request lacks the hash of its body.
        InvalidAccessKeyId: the key does not exist.
        RequestTimeTooSkewed: the request's date is more than 15 minutes off.
        ExpiredToken: the temporary key has expired.
        AccessDenied: the signature is not valid now or covers too little, or the token of a
            temporary key is missing.
        SignatureDoesNotMatch: the signature is of another request or another key.
    """
    authorization = request.headers.get("authorization", "").strip()
    if authorization and authenticate.is_signed_in_url(request):
        raise InvalidArgument("Only one auth mechanism allowed: the header or the query")
    if claim := sigv4_verify.find_claim(request):
        secret_key, principal = authenticate.find_key(claim.secret_id, _token(request), keys, now)
        sigv4_verify.verify(claim, request, secret_key, now)
        return Identity(principal, claim.payload_hash, _seed(claim, secret_key))
    if old_claim := sigv2.find_claim(request):
        secret_key, principal = authenticate.find_key(
            old_claim.secret_id, _token(request), keys, now
        )
        # The path contains the bucket unless the host names the bucket.
        in_host = bucket if request.path == f"/{key or ''}" else None
        sigv2.verify(old_claim, request, secret_key, now, in_host or "", keys.max_validity)
        return Identity(principal)
    if authorization:
        raise InvalidArgument("Unsupported Authorization Type")
    return Identity(authenticate.ANONYMOUS)


def identify_form(fields: Mapping[str, str], keys: KeyRing, now: int) -> Principal | None:
    """Return the principal that signed the policy of a form upload; None without an S3 signature.

    Afterwards, check the form against the policy, with its expiration.

    Args:
        fields: the form's fields by lower-case name.
        keys: the keys of all accounts.
        now: Unix second.

    Raises:
        InvalidArgument: the signature is malformed.
        InvalidAccessKeyId: the key does not exist.
        ExpiredToken: the temporary key has expired.
        AccessDenied: there is no policy, or the token of a temporary key is missing.
        SignatureDoesNotMatch: the signature is of another policy or another key.
    """
    claim = find_form_claim(fields)
    if claim is None:
        return None
    if not fields.get("policy"):
        raise AccessDenied("The form is signed but has no policy")
    secret_key, principal = authenticate.find_key(
        claim.secret_id, fields.get(sigv4.TOKEN, ""), keys, now
    )
    verify_form(claim, fields["policy"], secret_key)
    return principal


def _token(request: Request) -> str:
    """Return the token of a temporary key, or ""."""
    in_url = (value for name, value in request.query if name in _TOKENS)
    return request.headers.get(sigv4.TOKEN) or next(in_url, "")


def _seed(claim: sigv4_verify.SigV4Claim, secret_key: str) -> aws_chunked.SeedSignature | None:
    if claim.payload_hash not in (aws_chunked.SIGNED, aws_chunked.SIGNED_TRAILER):
        return None
    key = sigv4.signing_key(secret_key, claim.date[:8], claim.region)
    return aws_chunked.SeedSignature(key, claim.date, claim.scope, claim.signature)
