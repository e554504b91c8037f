"""The condition keys of S3 policies, and their values in a request."""

from collections.abc import Callable, Mapping
from typing import Final, Literal
from urllib.parse import parse_qsl

from coskit.protocol.bucket.policy import AccessRequest
from coskit.protocol.codec.copy_source import decode_copy_source
from coskit.protocol.codec.dates import parse_iso_date, plain_date
from coskit.protocol.errors import InvalidCopySource
from coskit.protocol.s3.names import headers_to_cos, headers_to_s3

# The value is in the request's document, which is read after authorization.
UNREAD: Final = "unread"
ConditionValues = tuple[str, ...] | None | Literal["unread"]

_DAY = 86_400_000
_EXISTING_TAG = "s3:existingobjecttag/"
_REQUESTED_TAG = "s3:requestobjecttag/"
_LOCK = "s3:object-lock-"

# Headers of S3 whose names are condition keys.
_HEADERS = frozenset(
    """if-match if-none-match x-amz-acl x-amz-content-sha256 x-amz-grant-full-control
    x-amz-grant-read x-amz-grant-read-acp x-amz-grant-write x-amz-grant-write-acp
    x-amz-metadata-directive x-amz-object-ownership x-amz-server-side-encryption
    x-amz-server-side-encryption-aws-kms-key-id x-amz-server-side-encryption-customer-algorithm
    x-amz-storage-class""".split()
)
_QUERY = {
    "s3:delimiter": "delimiter",
    "s3:max-keys": "max-keys",
    "s3:prefix": "prefix",
    "s3:versionid": "versionId",
}
# Keys without a value here: there are no services, private networks or organisations.
_NEVER = frozenset(
    """aws:calledvia aws:calledviafirst aws:calledvialast aws:multifactorauthage
    aws:multifactorauthpresent aws:principalorgid aws:principalorgpaths aws:principalservicename
    aws:sourceaccount aws:sourcearn aws:sourceorgid aws:sourcevpc aws:sourcevpce aws:vpcsourceip
    s3:dataaccesspointaccount s3:dataaccesspointarn""".split()
)


def is_known(key: str) -> bool:
    """Return whether a condition key is known; case matters in the key of a tag."""
    lower = key.lower()
    name = lower.removeprefix("s3:")
    return (
        lower in _KEYS
        or lower in _QUERY
        or lower in _NEVER
        or (name in _HEADERS and lower.startswith("s3:"))
        or any(lower.startswith(p) and lower != p for p in (_EXISTING_TAG, _REQUESTED_TAG))
    )


def condition_values(key: str, access: AccessRequest) -> ConditionValues:
    """Return the values of a request for a condition key, or None if it has none.

    Args:
        key: the condition key as it was written; case matters in the key of a tag.
        access: the request for access.
    """
    lower = key.lower()
    if lower.startswith(_EXISTING_TAG):
        return _one(access.tags().get(key[len(_EXISTING_TAG) :]))
    if lower.startswith(_REQUESTED_TAG):
        asked = _requested_tags(access)
        return asked if asked == UNREAD else _one(asked.get(key[len(_REQUESTED_TAG) :]))
    if lower in _KEYS:
        return _KEYS[lower](access)
    if lower in _QUERY:
        return _one(_parameter(access, _QUERY[lower]))
    return _one(_header(access, lower.removeprefix("s3:"))) if lower not in _NEVER else None


def unquote_grants(value: str, name: str) -> str:
    """Return a header's value without the quotes around accounts in grants, which are optional."""
    return value.replace('"', "") if "x-amz-grant-" in name else value


def _one(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else (text,)


def _parameter(access: AccessRequest, name: str) -> str | None:
    return next((value for n, value in access.context.request.query if n == name), None)


def _header(access: AccessRequest, name: str) -> str | None:
    """Return the S3 value of a header; the request has COS names and values."""
    cos = next(iter(headers_to_cos({name: ""})))
    value = access.context.request.headers.get(cos)
    return None if value is None else unquote_grants(headers_to_s3([(cos, value)])[0][1], name)


def _requested_tags(access: AccessRequest) -> Mapping[str, str] | Literal["unread"]:
    if access.operation.name == "PutObjectTagging" and access.operation.has_document:
        return UNREAD
    text = access.context.request.headers.get("x-cos-tagging", "")
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=100))


def _requested_tag_keys(access: AccessRequest) -> ConditionValues:
    tags = _requested_tags(access)
    return tags if tags == UNREAD else (tuple(tags) or None)


def _lock(name: str) -> Callable[[AccessRequest], ConditionValues]:
    def fact(access: AccessRequest) -> ConditionValues:
        of_lock = access.operation.name in ("PutObjectRetention", "PutObjectLegalHold")
        if of_lock and access.operation.has_document:
            return UNREAD
        return _one(access.context.request.headers.get(f"x-amz-object-lock-{name}"))

    return fact


def _remaining_days(access: AccessRequest) -> ConditionValues:
    until = _lock("retain-until-date")(access)
    if until is None or until == UNREAD:
        return until
    moment = parse_iso_date(until[0])
    return None if moment is None else (str(max(0, -((access.context.now - moment) // _DAY))),)


def _copy_source(access: AccessRequest) -> ConditionValues:
    headers = access.context.request.headers
    of_s3 = headers.get("x-amz-copy-source")
    text = of_s3 or headers.get("x-cos-copy-source")
    if text is None:
        return None
    try:
        place = decode_copy_source(text, of_s3=bool(of_s3))
    except InvalidCopySource:
        return (text,)
    return (f"{place['Bucket']}/{place['Key']}",)


def _principal_arn(access: AccessRequest) -> ConditionValues:
    root, _, sub = (access.account or "").partition("/")
    return (f"arn:aws:iam::{root}:{f'user/{sub}' if sub else 'root'}",) if root else None


def _principal_type(access: AccessRequest) -> ConditionValues:
    if access.account is None:
        return ("Anonymous",)
    return ("User",) if "/" in access.account else ("Account",)


def _auth_type(access: AccessRequest) -> ConditionValues:
    if access.account is None:
        return None
    if "authorization" in access.context.request.headers:
        return ("REST-HEADER",)
    in_query = any(name.lower().endswith("signature") for name, _ in access.context.request.query)
    return ("REST-QUERY-STRING",) if in_query else ("POST",)


def _version(access: AccessRequest) -> ConditionValues:
    request = access.context.request
    names = {name for name, _ in request.query}
    authorization = request.headers.get("authorization", "")
    if authorization.startswith("AWS4-") or "X-Amz-Algorithm" in names:
        return ("AWS4-HMAC-SHA256",)
    is_old = authorization.startswith("AWS ") or "AWSAccessKeyId" in names
    return ("AWS",) if is_old else None


_KEYS: Mapping[str, Callable[[AccessRequest], ConditionValues]] = {
    "aws:currenttime": lambda access: (plain_date(access.context.now),),
    "aws:epochtime": lambda access: (str(access.context.now // 1000),),
    "aws:principalaccount": lambda access: _one((access.account or "").partition("/")[0] or None),
    "aws:principalarn": _principal_arn,
    "aws:principalisawsservice": lambda access: ("false",),
    "aws:principaltype": _principal_type,
    "aws:referer": lambda access: _one(access.context.request.headers.get("referer")),
    "aws:requestedregion": lambda access: (access.context.region,),
    "aws:securetransport": lambda access: (str(access.context.secure).lower(),),
    "aws:sourceip": lambda access: _one(access.context.address or None),
    "aws:useragent": lambda access: _one(access.context.request.headers.get("user-agent")),
    "aws:userid": lambda access: _one(access.account),
    "aws:username": lambda access: _one((access.account or "").partition("/")[2] or None),
    "aws:viaawsservice": lambda access: ("false",),
    "s3:authtype": _auth_type,
    f"{_LOCK}legal-hold": _lock("legal-hold"),
    f"{_LOCK}mode": _lock("mode"),
    f"{_LOCK}remaining-retention-days": _remaining_days,
    f"{_LOCK}retain-until-date": _lock("retain-until-date"),
    "s3:requestobjecttagkeys": _requested_tag_keys,
    "s3:signatureversion": _version,
    "s3:x-amz-copy-source": _copy_source,
}
