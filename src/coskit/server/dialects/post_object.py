"""POST Object: convert a browser's form to a PUT, and respond as the form's fields ask."""

import re
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from coskit.protocol.auth.post_policy import FILENAME, PostPolicy, read_policy
from coskit.protocol.codec.conditional_headers import CONDITIONAL_HEADERS
from coskit.protocol.codec.routing import fit_any_operation
from coskit.protocol.endpoint import check_key, encode_path
from coskit.protocol.errors import AccessDenied, EntityTooLarge, EntityTooSmall, InvalidArgument
from coskit.protocol.messages import META_PREFIX, Request, Response, encode_text, unsendable
from coskit.protocol.operations import PUT_OBJECT
from coskit.server.auth.authenticate import identify, identify_form, is_signed_in_url
from coskit.server.auth.key_ring import KeyRing
from coskit.server.dialects.multipart_form import MEDIA_TYPE, MultipartForm
from coskit.server.handlers.context import Principal

# Fields with the meaning that a PUT's header of the same name has.
_HEADERS = frozenset(param.wire for param in PUT_OBJECT.params if param.place == "header")
_PATH = re.compile(r"[/\\]")
_NOT_HEADERS = ("key", "policy", "tagging")  # fields that become no header as they are
_STATUSES = frozenset(("200", "201", "204"))
_URL = re.compile(r"https?://[!-~\x80-\U0010ffff]{1,2048}", re.IGNORECASE)


def is_form(request: Request, bucket: str | None, key: str | None) -> bool:
    """Return whether a request is a form upload: a POST of a form to a bucket itself."""
    if request.method != "POST" or bucket is None or key is not None:
        return False
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == MEDIA_TYPE and fit_any_operation(name for name, _ in request.query)


@dataclass(frozen=True, slots=True)
class FormUpload:
    """A form whose fields have been read and whose file is still to come.

    Attributes:
        principal: the sender, by the signature of the form or of its request.
        key: the object's key, with the file's name in it if the form asks for that.
        headers: the headers of the PUT that the form amounts to.
        body: the file.
        fields: the form's fields by lower-case name.
    """

    principal: Principal
    key: str
    headers: Mapping[str, str]
    body: "FormFile"
    fields: Mapping[str, str]

    def response(self, stored: Response, bucket: str, origin: str, path: str) -> Response:
        """Return the response to the form.

        Args:
            stored: the response to a PUT of the file.
            bucket: the bucket's name.
            origin: the scheme and host of the request.
            path: the decoded path of the request.
        """
        location = origin + encode_path(f"{path.rstrip('/')}/{self.key}")
        headers = {**stored.headers, "Location": location}
        target = self.fields.get("success_action_redirect", "")
        if target:
            params = {"bucket": bucket, "key": self.key, "etag": stored.headers["ETag"]}
            separator = "&" if "?" in target else "?"
            query = urlencode({name: encode_text(text) for name, text in params.items()})
            target = quote(encode_text(target), safe="!#$%&'()*+,/:;=?@[]~")
            return Response(303, {**headers, "Location": target + separator + query})
        status = self.fields.get("success_action_status", "")
        return Response(int(status) if status in _STATUSES else 204, headers)


async def begin_form(request: Request, body: AsyncIterable[bytes]) -> MultipartForm:
    """Read a form up to its file.

    Args:
        request: the request that carries the form.
        body: the request's body.

    Raises:
        MalformedPOSTRequest: the body is not a form, or its fields are too large.
        IncorrectNumberOfFilesInPostRequest: the form has no file.
    """
    form = MultipartForm(body, request.headers.get("content-type", ""))
    await form.begin()
    return form


def read_upload(
    request: Request, form: MultipartForm, bucket: str, keys: KeyRing, now: int
) -> FormUpload:
    """Return the upload of a COS form, with its signature and policy checked.

    Args:
        request: the request that carries the form.
        form: the form, from `begin_form`.
        bucket: the bucket's name.
        keys: the keys of all accounts.
        now: the time in milliseconds since 1970.

    Raises:
        InvalidArgument: the form has no key, or a field has a value that is not allowed.
        KeyTooLong: the key has more than 850 bytes.
        InvalidURI: no object can have the key.
        InvalidPolicyDocument: the policy is malformed.
        AccessDenied: the policy does not allow the form, or its signature is malformed or too old.
        SignatureDoesNotMatch: the signature is of another policy or by another key.
    """
    fields = keyed_fields(form)
    key = fields["key"]
    headers = {**sender_headers(request), **_headers(fields)}
    if "policy" not in fields and "q-signature" not in fields:
        refuse_signed_url(request)
        return FormUpload(
            identify(request, keys, now // 1000), key, headers, FormFile(form), fields
        )
    policy = read_policy(fields.get("policy", ""))
    principal = identify_form(fields, policy.text, keys, now // 1000)
    policy.check(fields, bucket, now)
    return FormUpload(principal, key, headers, FormFile(form, policy), fields)


def keyed_fields(form: MultipartForm) -> dict[str, str]:
    """Return the fields of a form, with `${filename}` in the key replaced by the file's name.

    Raises:
        InvalidArgument: there is no key, or a field has a character that no header can have.
        KeyTooLong: the key has more than 850 bytes.
        InvalidURI: no object can have the key.
    """
    fields = dict(form.fields)
    if not fields.get("key"):
        raise InvalidArgument("The form has no field key")
    fields["key"] = fields["key"].replace(FILENAME, _basename(form.filename))
    check_key(fields["key"])
    for name, text in fields.items():
        if name not in _NOT_HEADERS and unsendable(name + text):
            raise InvalidArgument(f"The field {name[:40]!a} holds a control character")
    return fields


def refuse_signed_url(request: Request) -> None:
    """Refuse a form without a policy in a signed URL: that signature covers no field.

    Raises:
        AccessDenied: the URL is signed.
    """
    if is_signed_in_url(request):
        raise AccessDenied("A form is signed by its policy, not by the URL that it is sent to")


def _basename(filename: str) -> str:
    """Return the name behind the last slash or backslash, since some clients send whole paths.

    RFC 7578 4.2, and S3's POST policy on `${filename}`.
    """
    return _PATH.split(filename)[-1]


def sender_headers(request: Request) -> dict[str, str]:
    """Return the request's headers that describe its sender, without those that a PUT acts on."""
    return {
        name: text
        for name, text in request.headers.items()
        if name in CONDITIONAL_HEADERS
        or (name not in _HEADERS and not name.startswith(("x-cos-", "x-amz-")))
    }


def _headers(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of the PUT that a form amounts to."""
    renamed = {"x-cos-acl" if name == "acl" else name: text for name, text in fields.items()}
    redirect = fields.get("success_action_redirect", "")
    if redirect and not is_url(redirect):
        raise InvalidArgument("success_action_redirect is no URL")
    kept = {
        name: text.strip(" \t")
        for name, text in renamed.items()
        if name in _HEADERS or name in CONDITIONAL_HEADERS or name.startswith(META_PREFIX)
    }
    return {**kept, "transfer-encoding": "chunked"}


def is_url(text: str) -> bool:
    """Return whether a form's redirect target is a URL."""
    return _URL.fullmatch(text) is not None


class FormFile:
    """The file of a form, as a request's body; its size is checked against the form's policy."""

    def __init__(self, form: MultipartForm, policy: PostPolicy | None = None) -> None:
        self._form = form
        self._smallest = policy.smallest if policy else 0
        self._largest = policy.largest if policy else None

    @property
    def length(self) -> None:
        """None, because the length is known only at the file's end."""

    @property
    def trailers(self) -> Mapping[str, str]:
        """An empty mapping, because a form has no trailers."""
        return {}

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._form:
            size += len(chunk)
            if self._largest is not None and size > self._largest:
                raise EntityTooLarge(f"The policy allows at most {self._largest} bytes")
            yield chunk
        if size < self._smallest:
            raise EntityTooSmall(f"The policy asks for at least {self._smallest} bytes")
