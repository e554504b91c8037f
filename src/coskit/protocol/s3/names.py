"""Names in S3 and in COS: headers, their values, storage classes and groups."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from coskit.protocol.bucket.acl import ALL_USERS, AUTHENTICATED_USERS
from coskit.protocol.codec.conditional_headers import COS_CONDITIONAL_HEADERS
from coskit.protocol.errors import (
    InvalidArgument,
    InvalidDigest,
    InvalidStorageClass,
    NotImplementedOperation,
)
from coskit.protocol.messages import META_PREFIX, Request, is_header_name, unsendable
from coskit.protocol.s3.encoded_words import decode_words, encode_words

COS = "x-cos-"
AMZ = "x-amz-"

# Header names that are the same after the prefix; other x-amz- headers exist in S3 alone.
_SHARED = frozenset(
    """acl bucket-region copy-source-if-match copy-source-if-modified-since
    copy-source-if-none-match copy-source-if-unmodified-since copy-source-range
    copy-source-version-id delete-marker grant-full-control grant-read grant-read-acp grant-write
    grant-write-acp metadata-directive request-id restore security-token
    server-side-encryption storage-class tagging tagging-directive version-id""".split()
)
_SHARED_PREFIXES = (
    "meta-",
    "server-side-encryption-customer-",
    "copy-source-server-side-encryption-customer-",
)
_OTHER_NAMES = {
    "x-amz-server-side-encryption-aws-kms-key-id": "x-cos-server-side-encryption-cos-kms-key-id",
    "x-amz-server-side-encryption-context": "x-cos-server-side-encryption-context",
}
_COS_OTHER_NAMES = {cos: amz for amz, cos in _OTHER_NAMES.items()}

# Classes of S3 with fewer copies are stored as the class with all copies.
_CLASSES = {
    "GLACIER": "ARCHIVE",
    "REDUCED_REDUNDANCY": "STANDARD",
    "ONEZONE_IA": "STANDARD_IA",
    **{name: name for name in ("STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "DEEP_ARCHIVE")},
}
_S3_CLASSES = {"ARCHIVE": "GLACIER"}
_COS_CLASSES = {amz: cos for cos, amz in _S3_CLASSES.items()}
_DIRECTIVES = {"COPY": "Copy", "REPLACE": "Replaced"}
_S3_DIRECTIVES = {cos: amz for amz, cos in _DIRECTIVES.items()}
_ENCRYPTIONS = {"aws:kms": "cos/kms", "aws:kms:dsse": "cos/kms"}
_S3_ENCRYPTIONS = {"cos/kms": "aws:kms"}
_COS_ENCRYPTIONS = {amz: cos for cos, amz in _S3_ENCRYPTIONS.items()}

# Values and elements of COS in error messages, with their names in S3.
_WORDS = {
    **_S3_DIRECTIVES,
    **_S3_CLASSES,
    **_S3_ENCRYPTIONS,
    "CASJobParameters": "GlacierJobParameters",
}
_COS_WORDS = re.compile(
    r"x-cos-[a-z0-9]+(?:-[a-z0-9]+)*|(?<![\w-])(?:"
    + "|".join(map(re.escape, (word for word in _WORDS if word != "Copy")))
    + r"|Copy(?=, Replaced))(?![\w-])"
)

# Parameters of a signed URL that are not headers.
_OF_SIGNATURE = frozenset(
    f"x-amz-{name}"
    for name in "algorithm content-sha256 credential date expires signature signedheaders".split()
)


S3_ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
S3_AUTHENTICATED_USERS = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
_GRANTEE_KIND = re.compile(r"\w+")
_UNQUOTED = re.compile(r'[^\s",]+')
_GROUPS = {S3_ALL_USERS: ALL_USERS, S3_AUTHENTICATED_USERS: AUTHENTICATED_USERS}
_S3_GROUPS = {cos: amz for amz, cos in _GROUPS.items()}


def to_cos(request: Request) -> Request:
    """Return an S3 request with the COS names and values of its headers.

    Headers that exist in S3 alone keep their names. `aws-chunked` is removed from Content-Encoding,
    since it is the framing of the body and no encoding of the object.

    Raises:
        InvalidStorageClass: the storage class does not exist.
        InvalidDigest: Content-MD5 is empty.
        InvalidArgument: a parameter of a signed URL stands for a header but is no valid one.
        NotImplementedOperation: the request has a conditional header of COS.
    """
    headers: dict[str, str] = {}
    for name, value in {**_in_url(request), **request.headers}.items():
        if name.startswith(AMZ):
            cos = _cos_name(name)
            if cos == "x-cos-storage-class":
                class_to_cos(value)
            headers[cos] = _cos_value(cos, value)
        elif name == "content-encoding":
            if kept := without_framing(value):
                headers[name] = kept
        elif name == "content-md5" and not value:
            raise InvalidDigest
        elif name in COS_CONDITIONAL_HEADERS:
            raise NotImplementedOperation(f"The header {name} is not one of S3")
        elif not name.startswith(COS):  # headers of COS are not signed
            headers[name] = value
    return replace(request, headers=headers)


def _in_url(request: Request) -> dict[str, str]:
    """Return the headers that the signer of a URL moved into the query."""
    if not any(name in ("X-Amz-Signature", "AWSAccessKeyId") for name, _ in request.query):
        return {}
    # The first of a repeated parameter counts, as in signatures of version 2.
    found = {
        name.lower(): value
        for name, value in reversed(request.query)
        if name.lower().startswith(AMZ) and name.lower() not in _OF_SIGNATURE
    }
    for name, value in found.items():
        if not is_header_name(name) or unsendable(value):
            raise InvalidArgument(f"The parameter {name[:60]!a} is no header")
    return found


def headers_to_s3(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return headers with S3 names and values; headers of COS alone keep their names."""
    return [
        (s3_name(name), _s3_value(name, value)) if name.startswith(COS) else (name, value)
        for name, value in headers
    ]


def headers_to_cos(headers: Mapping[str, str]) -> dict[str, str]:
    """Return a response's headers with COS names and values; headers of S3 alone stay."""
    return {
        (cos := _cos_name(name)): _answered(cos, value) if cos != name else value
        for name, value in headers.items()
    }


def _answered(name: str, value: str) -> str:
    if name == "x-cos-storage-class":
        return known_class(value)
    # Unlike in a request, values that COS does not have stay unchanged.
    if name == "x-cos-server-side-encryption" and value not in _COS_ENCRYPTIONS:
        return value
    return _cos_value(name, value)


@lru_cache(maxsize=1024)
def _cos_name(name: str) -> str:
    rest = name.removeprefix(AMZ)
    if rest != name and (rest in _SHARED or rest.startswith(_SHARED_PREFIXES)):
        return COS + rest
    return _OTHER_NAMES.get(name, name)


@lru_cache(maxsize=1024)
def s3_name(name: str) -> str:
    """Return the S3 name of a COS header."""
    rest = name.removeprefix(COS)
    if rest in _SHARED or rest.lower().startswith(_SHARED_PREFIXES):
        return AMZ + rest
    return _COS_OTHER_NAMES.get(name, name)


def _cos_value(name: str, value: str) -> str:
    """Return the COS value of a header with this COS name."""
    if name.startswith(META_PREFIX):
        return decode_words(value)
    if name == "x-cos-storage-class":
        return _CLASSES.get(value, value)
    if name.endswith("-directive") and name.startswith(COS):
        return _DIRECTIVES.get(value.upper(), value)
    if name == "x-cos-server-side-encryption":
        return _ENCRYPTIONS.get(value, value)
    if name.startswith("x-cos-grant-"):
        for group, cos in _GROUPS.items():
            value = value.replace(group, cos)
        return ",".join(map(_quoted_grantee, value.split(",")))
    if name == "x-cos-tagging":
        return "&".join(item if "=" in item else f"{item}=" for item in value.split("&") if item)
    return value


def _quoted_grantee(item: str) -> str:
    """Return a grantee of a header, `id=<owner>`, with the quotes that are optional in S3."""
    kind, _, who = item.partition("=")
    kind, who = kind.strip(), who.strip()
    bare = _GRANTEE_KIND.fullmatch(kind) and _UNQUOTED.fullmatch(who)
    return f'{kind}="{who}"' if bare else item


def _s3_value(name: str, value: str) -> str:
    if name.startswith(META_PREFIX):
        return encode_words(value)
    if name == "x-cos-storage-class":
        return class_to_s3(value)
    if name.endswith("-directive"):
        return _S3_DIRECTIVES.get(value, value)
    if name == "x-cos-server-side-encryption":
        return _S3_ENCRYPTIONS.get(value, value)
    if name.startswith("x-cos-grant-"):
        for group, amz in _S3_GROUPS.items():
            value = value.replace(group, amz)
    return value


def words_to_s3(text: str) -> str:
    """Return an error message with the S3 names of headers, values and elements."""
    return _COS_WORDS.sub(_word, text)


def _word(found: re.Match[str]) -> str:
    word = found[0]
    if word.startswith(COS):
        return _COS_OTHER_NAMES.get(word, AMZ + word.removeprefix(COS))
    return _WORDS[word]


def class_to_cos(name: str) -> str:
    """Return the COS name of an S3 storage class.

    Raises:
        InvalidStorageClass: COS has nothing like it.
    """
    found = _CLASSES.get(name) or (name if name.startswith("MAZ_") else None)
    if found is None:
        raise InvalidStorageClass
    return found


def known_class(name: str) -> str:
    """Return the COS name of an object's storage class; a class of S3 alone keeps its name."""
    return _COS_CLASSES.get(name, name)


def class_to_s3(name: str) -> str:
    """Return the S3 name of a COS storage class; a class of COS alone keeps its name."""
    return _S3_CLASSES.get(name, name)


def group_to_cos(uri: str) -> str:
    """Return the COS name of a group of grantees."""
    return _GROUPS.get(uri, uri)


def group_to_s3(uri: str) -> str:
    """Return the S3 name of a group of grantees."""
    return _S3_GROUPS.get(uri, uri)


def without_framing(encoding: str) -> str:
    """Return a Content-Encoding without `aws-chunked`, which stored bodies do not have."""
    if "aws-chunked" not in encoding.lower():
        return encoding
    kept = (item.strip() for item in encoding.split(","))
    return ",".join(item for item in kept if item and item.lower() != "aws-chunked")
