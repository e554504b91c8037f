"""Authentication by COS signatures, and the permission that the operation's row names."""

from collections.abc import Mapping

from coskit.protocol.auth.signature import TOKEN, first_values
from coskit.protocol.auth.verify import (
    MAX_SKEW,
    check_coverage,
    check_window,
    find_claim,
    find_form_claim,
    verify,
    verify_form,
)
from coskit.protocol.bucket.policy import AccessRequest, ResourceLocation, parse_policy
from coskit.protocol.codec.dates import parse_http_date
from coskit.protocol.errors import (
    AccessDenied,
    ExpiredToken,
    InvalidAccessKeyId,
    InvalidArgument,
    RequestTimeTooSkewed,
)
from coskit.protocol.messages import Request
from coskit.protocol.model import Operation
from coskit.protocol.operations import CREATE_MULTIPART_UPLOAD
from coskit.server.auth.key_ring import KeyRing
from coskit.server.auth.session_tokens import PREFIX, open_token
from coskit.server.handlers.access.authorization import require_permission
from coskit.server.handlers.access.header_authorization import require_header_rights
from coskit.server.handlers.access.header_rights import header_rights
from coskit.server.handlers.access.referer import require_referer
from coskit.server.handlers.access.upload_authorization import (
    is_upload_operation,
    refuse_anonymous_upload,
    require_upload_permission,
)
from coskit.server.handlers.context import Principal
from coskit.server.store.model import Bucket
from coskit.server.store.store import Store

ANONYMOUS = Principal(None)
# Parameters that carry a signature, by dialect.
COS_SIGNATURES = frozenset(("q-signature", "sign"))
S3_SIGNATURES = frozenset(("X-Amz-Algorithm", "X-Amz-Signature", "AWSAccessKeyId"))
_SIGNATURES = COS_SIGNATURES | S3_SIGNATURES


def identify(request: Request, keys: KeyRing, now: int) -> Principal:
    """Return the principal that signed a request; an unsigned request is anonymous.

    Args:
        request: the request as received.
        keys: the keys of all accounts.
        now: Unix second.

    Raises:
        InvalidArgument: the request has a signature of each dialect.
        AccessDenied: the signature is malformed, not valid now, or covers too little, or the token
            of a temporary key is missing.
        ExpiredToken: the temporary key has expired.
        RequestTimeTooSkewed: the request's Date is more than 15 minutes off.
        InvalidAccessKeyId: the key does not exist.
        SignatureDoesNotMatch: the signature is of another request or another key.
    """
    claim = find_claim(request)
    if claim is None:
        return ANONYMOUS
    query = first_values(request.query)
    if not S3_SIGNATURES.isdisjoint(query):
        raise InvalidArgument("A request must have one signature, in one dialect")
    token = request.headers.get(TOKEN) or query.get(TOKEN, "")
    secret_key, principal = find_key(claim.secret_id, token, keys, now)
    sent = parse_http_date(request.headers["date"]) if "date" in request.headers else None
    if sent is not None and abs(sent // 1000 - now) > MAX_SKEW:
        raise RequestTimeTooSkewed
    verify(claim, request, secret_key, now)
    check_window(claim, keys.max_validity)
    check_coverage(claim, request)
    return principal


def identify_form(fields: Mapping[str, str], policy: str, keys: KeyRing, now: int) -> Principal:
    """Return the principal that signed the policy of a form upload.

    Args:
        fields: the form's fields by lower-case name.
        policy: the policy's text.
        keys: the keys of all accounts.
        now: Unix second.

    Raises:
        AccessDenied: the signature is missing, malformed or not valid now, or the token of a
            temporary key is missing.
        ExpiredToken: the temporary key has expired.
        InvalidAccessKeyId: the key does not exist.
        SignatureDoesNotMatch: the signature is of another policy or another key.
    """
    claim = find_form_claim(fields)
    if claim is None:
        raise AccessDenied("The policy of the form is not signed")
    secret_key, principal = find_key(claim.secret_id, fields.get(TOKEN, ""), keys, now)
    verify_form(claim, policy, secret_key, now)
    check_window(claim, keys.max_validity)
    return principal


def is_signed_in_url(request: Request) -> bool:
    """Return whether a request has a signature in its query, of either dialect."""
    return any(name in _SIGNATURES for name, _ in request.query)


def find_key(secret_id: str, token: str, keys: KeyRing, now: int) -> tuple[str, Principal]:
    """Return the secret key of a secret id, and the principal that signs with it.

    Args:
        secret_id: the id of a lasting or a temporary key.
        token: the token that came with it, or "".
        keys: the keys of all accounts.
        now: Unix second.

    Raises:
        InvalidAccessKeyId: the key does not exist, or its account was removed.
        AccessDenied: the token of a temporary key is missing or wrong.
        ExpiredToken: the temporary key has expired.
    """
    if found := keys.get(secret_id):
        return found[0], Principal(found[1])
    if not secret_id.startswith(PREFIX):
        raise InvalidAccessKeyId
    key = open_token(keys.token_secret, token)
    if key.secret_id != secret_id:
        raise AccessDenied("The token belongs to another key")
    if now >= key.expires:
        raise ExpiredToken
    if not keys.accepts_tokens(key.account, key.issued):
        raise InvalidAccessKeyId
    limits = parse_policy(key.policy, of_bucket=False) if key.policy else None
    return key.secret_key, Principal(key.account, limits)


def authorize(
    principal: Principal,
    operation: Operation,
    query: Mapping[str, str],
    store: Store,
    bucket: Bucket | None,
    name: str | None,
    key: str | None,
) -> None:
    """Refuse a request whose principal may not do the operation.

    Args:
        principal: the sender, from `identify`.
        operation: the row.
        query: the request's query parameters.
        store: the store with the object's ACL.
        bucket: the bucket that the request addresses, or None.
        name: the name of the bucket, which may not exist yet, or None.
        key: the key that the request addresses, or None.

    Raises:
        AccessDenied: the principal may not do the operation. Also if the object does not exist and
            the principal may not list the bucket.
        NoSuchKey: the object does not exist, and the principal may list the bucket.
        NoSuchVersion: the version does not exist, and the principal may list the bucket.
    """
    if bucket is None or not operation.permission:
        _require_root_account(principal, operation, name or "")
        return
    require_referer(principal, bucket)
    if principal.account is None and any(name.startswith("response-") for name in query):
        raise AccessDenied("Parameters response-* need a signature")
    if is_upload_operation(operation):
        require_upload_permission(principal, operation, store, bucket, key or "", query["uploadId"])
        return
    require_permission(principal, operation, store, bucket, key, query.get("versionId"))
    if operation.name == CREATE_MULTIPART_UPLOAD.name:
        refuse_anonymous_upload(principal, operation, store, bucket, key)
    require_header_rights(principal, operation, store, bucket, key)


def _require_root_account(principal: Principal, operation: Operation, name: str) -> None:
    """Refuse a service operation unless an account itself sent it, within the policy of its key.

    Raises:
        AccessDenied: the principal is anonymous or a sub-account, or its key's policy does not
            allow the operation.
    """
    if not principal.is_root_account:
        raise AccessDenied("This operation needs the key of an account, not of a sub-account")
    if principal.session_policy is None:
        return
    assert principal.request_context is not None, "the gateway sets the context of each request"
    place = ResourceLocation(principal.request_context.region, (principal.root_account,), name)
    for right in (operation, *header_rights(operation, principal.request_context.request.headers)):
        if (
            principal.session_policy.verdict(
                AccessRequest(principal.account, right, place, "", principal.request_context)
            )
            != "allow"
        ):
            raise AccessDenied
