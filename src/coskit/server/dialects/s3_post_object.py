"""POST Object of S3: its fields, its signatures, and the response document that it offers."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from coskit.protocol.auth.post_policy import PostPolicy, read_policy
from coskit.protocol.codec.conditional_headers import CONDITIONAL_HEADERS
from coskit.protocol.codec.xml.document import NotThisShape, dump, items, load, writable
from coskit.protocol.endpoint import encode_path
from coskit.protocol.errors import AccessDenied, InvalidPolicyDocument, MalformedXML
from coskit.protocol.messages import META_PREFIX, Request, Response, encode_text
from coskit.protocol.model import Shape
from coskit.protocol.operations import PUT_OBJECT_TAGGING
from coskit.protocol.s3.names import to_cos
from coskit.protocol.s3.operations import PUT_OBJECT
from coskit.server.auth.authenticate import ANONYMOUS
from coskit.server.auth.key_ring import KeyRing
from coskit.server.auth.s3_signature import identify_form
from coskit.server.dialects.multipart_form import MultipartForm
from coskit.server.dialects.post_object import (
    FormFile,
    FormUpload,
    is_url,
    keyed_fields,
    refuse_signed_url,
    sender_headers,
)
from coskit.server.dialects.untrusted_xml import parse_untrusted

SIGNATURES = ("awsaccesskeyid", "signature", "x-amz-signature")  # fields
_MARKS = ("awsaccesskeyid", "signature", "tagging")
# Fields that a policy need not mention: they make or carry its signature.
_EXEMPT_FIELDS = ("awsaccesskeyid", "signature", "x-amz-signature", "policy")
_ANY_VALUE = ("starts-with", "")  # such a field may be missing
_HEADERS = frozenset(param.wire for param in PUT_OBJECT.params if param.place == "header")
_CHECKSUM = "x-amz-checksum-"
_EXPIRATION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z")
_RESPONSE = Shape("PostResponse", (Shape("Location"), Shape("Bucket"), Shape("Key"), Shape("ETag")))


def is_of_s3(fields: Mapping[str, str]) -> bool:
    """Return whether a form is one of S3, by its fields with lower-case names."""
    if "q-signature" in fields:
        return False
    return any(name in _MARKS or name.startswith("x-amz-") for name in fields)


def read_upload(
    request: Request, form: MultipartForm, bucket: str, keys: KeyRing, now: int
) -> FormUpload:
    """Return the upload of an S3 form; see `coskit.server.dialects.post_object.read_upload`."""
    fields = keyed_fields(form)
    headers = {**sender_headers(request), **_headers(fields)}
    principal = identify_form(fields, keys, now // 1000)
    if principal is None:
        if "policy" in fields:
            raise AccessDenied("The policy of the form is not signed")
        if request.headers.get("authorization", "").strip():
            raise AccessDenied("A form is signed by its policy, not by the request that carries it")
        refuse_signed_url(request)
        return S3FormUpload(ANONYMOUS, fields["key"], headers, FormFile(form), fields)
    policy = read_policy(fields["policy"], ())
    if not _EXPIRATION.fullmatch(json.loads(policy.text)["expiration"]):
        raise InvalidPolicyDocument("The policy's expiration is no ISO 8601 date in UTC")
    anything = {c.field: "" for c in policy.conditions if (c.match, c.value) == _ANY_VALUE}
    if keys.max_validity is not None and policy.expiration - now > 1000 * keys.max_validity:
        raise AccessDenied(f"A policy is valid for at most {keys.max_validity} seconds here")
    policy.check({**anything, **fields}, bucket, now)
    _refuse_extra(fields, policy)
    return S3FormUpload(principal, fields["key"], headers, FormFile(form, policy), fields)


@dataclass(frozen=True, slots=True)
class S3FormUpload(FormUpload):
    """A form upload with the responses of S3."""

    def response(self, stored: Response, bucket: str, origin: str, path: str) -> Response:
        """See `FormUpload.response`."""
        location = origin + encode_path(f"{path.rstrip('/')}/{self.key}")
        headers = {**stored.headers, "Location": location}
        target = self.fields.get("success_action_redirect") or self.fields.get("redirect", "")
        if is_url(target):
            fields = {"bucket": bucket, "key": self.key, "etag": stored.headers["ETag"]}
            query = urlencode({name: encode_text(text) for name, text in fields.items()})
            separator = "&" if "?" in target else "?"
            target = quote(encode_text(target), safe="!#$%&'()*+,/:;=?@[]~")
            return Response(303, {**headers, "Location": target + separator + query})
        status = self.fields.get("success_action_status", "")
        if status != "201":
            return Response(200 if status == "200" else 204, headers)
        fields = {"Location": location, "Bucket": bucket, "Key": writable(self.key)}
        document = dump(_RESPONSE, {**fields, "ETag": stored.headers["ETag"]})
        return Response(201, {**headers, "Content-Type": "application/xml"}, document)


def _headers(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of the PUT that a form amounts to, under their names in COS."""
    renamed = {
        "x-amz-acl" if name == "acl" else name: text.strip(" \t")
        for name, text in fields.items()
        if name != "tagging"
    }
    headers = to_cos(Request("PUT", "/", (), renamed)).headers
    kept = {
        name: text
        for name, text in headers.items()
        if name in _HEADERS
        or name in CONDITIONAL_HEADERS
        or name.startswith((META_PREFIX, _CHECKSUM))
    }
    if "tagging" in fields:
        kept["x-cos-tagging"] = _tags(fields["tagging"])
    return {**kept, "transfer-encoding": "chunked"}


def _tags(document: str) -> str:
    """Return the tags of a document in the form of the header x-cos-tagging."""
    shape = PUT_OBJECT_TAGGING.body
    assert shape is not None, "the row has a document"
    try:
        found = load(shape, parse_untrusted(encode_text(document)))
    except NotThisShape as cause:
        raise MalformedXML(str(cause)) from cause
    tags = items(found.get("TagSet"), "Tag")
    return urlencode([(tag.get("Key", ""), tag.get("Value", "")) for tag in tags])


def _refuse_extra(fields: Mapping[str, str], policy: PostPolicy) -> None:
    """Refuse a field that the policy does not mention, because its signature does not cover it.

    Raises:
        AccessDenied: there is such a field.
    """
    named = {condition.field for condition in policy.conditions}
    for name in ("bucket", *fields):
        is_free = name in _EXEMPT_FIELDS or name.startswith(("x-ignore-", _CHECKSUM))
        if name not in named and not is_free:
            raise AccessDenied(f"Invalid according to Policy: Extra input fields: {name[:60]}")
