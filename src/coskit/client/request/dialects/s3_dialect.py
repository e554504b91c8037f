"""The dialect of S3: translates calls from the names of COS and responses to them."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote_plus

from coskit.client.config import ClientConfig
from coskit.client.request.checksums import (
    BodyChecksum,
    Crc64Checksum,
    HashChecksum,
    body_crc64,
    is_whole,
    md5_of_etag,
)
from coskit.client.request.dialects.dialect import REQUEST_ID
from coskit.client.request.dialects.s3_signer import (
    DEFAULT_REGION,
    S3RequestSigner,
    is_s3_bucket_name,
)
from coskit.client.request.dialects.signer import RequestSigner
from coskit.client.settings.transfers import MIB
from coskit.protocol.codec.copy_source import check_source
from coskit.protocol.codec.encode_request import Call, encode_request
from coskit.protocol.codec.results import decode_result
from coskit.protocol.codec.xml.document import items
from coskit.protocol.codec.xml.error_document import decode_error
from coskit.protocol.errors import CosServiceError, ParameterError
from coskit.protocol.messages import Response, encode_text
from coskit.protocol.model import Operation, Shape
from coskit.protocol.operations import CREATE_MULTIPART_UPLOAD
from coskit.protocol.s3 import names
from coskit.protocol.s3.auth.sigv4 import EMPTY_PAYLOAD, PAYLOAD_HASH, UNSIGNED_PAYLOAD
from coskit.protocol.s3.checksums.algorithms import ALGORITHMS
from coskit.protocol.s3.documents.client import params_to_s3, result_to_cos
from coskit.protocol.s3.errors import COS_NAMES
from coskit.protocol.s3.operations import S3_OPERATIONS

# Best first: what costs least. Clients have no CRC64NVME.
_CHECKSUMS = tuple(ALGORITHMS[name] for name in ("CRC32C", "CRC32", "SHA256", "SHA1"))
_CUSTOMER_KEY = "x-cos-server-side-encryption-customer-algorithm"
# Most responses of most stores contain one of these, and no response of other servers does.
_OWN_HEADERS = (REQUEST_ID, "x-cos-trace-id", "x-amz-id-2", "x-amzn-requestid")
_READ_OPERATIONS = frozenset(("GetObject", "HeadObject"))


def _asked(row: Operation) -> Operation:
    """Return a row whose copy source is a header, which has another form in S3."""
    params = tuple(
        replace(param, place="header") if param.place == "source" else param for param in row.params
    )
    return replace(row, params=params)


_ROWS = {row.name: _asked(row) for row in S3_OPERATIONS}

# Some stores give this document another root.
_OTHER_ROOTS = {
    CREATE_MULTIPART_UPLOAD.name: (
        b"<InitiateMultipartUpload>",
        replace(
            CREATE_MULTIPART_UPLOAD,
            result=Shape(
                "InitiateMultipartUpload", (Shape("Bucket"), Shape("Key"), Shape("UploadId"))
            ),
        ),
    )
}

# Parameters that S3 lacks, with the advice what to do instead.
_LACKING = {
    "ForbidOverwrite": "use IfNoneMatch='*'",
    "TrafficLimit": "nothing limits the rate",
    "BucketAZConfig": "the store decides where it keeps data",
}
_LACKING_IN = {
    ("CreateBucket", "Tagging"): "use put_bucket_tagging",
    ("ListBuckets", "CreateTime"): "compare CreationDate",
    ("ListBuckets", "Range"): "compare CreationDate",
    ("ListBuckets", "TagKey"): "use get_bucket_tagging",
    ("ListBuckets", "TagValue"): "use get_bucket_tagging",
}


class S3ClientDialect:
    """The dialect of S3.

    Args:
        region: the region of the client, "" for the default one.
    """

    min_part_size = 5 * MIB
    returns_crc64 = False
    payload_hash_header = PAYLOAD_HASH
    needs_md5 = True
    needs_length = True
    returns_request_id = False  # some stores give none

    def __init__(self, region: str) -> None:
        self._region = "" if region == DEFAULT_REGION else region

    def signer(self, config: ClientConfig) -> RequestSigner:
        """See `ClientDialect.signer`."""
        return S3RequestSigner(config)

    def encode(self, operation: Operation, params: Mapping[str, Any]) -> Call:
        """See `ClientDialect.encode`."""
        row = _ROWS.get(operation.name)
        if row is None:
            raise ParameterError(f"S3 has no {operation.function}")
        call = encode_request(row, params_to_s3(row.name, self._params(row, params)))
        call.headers = dict(names.headers_to_s3(call.headers.items()))
        if row.name in _READ_OPERATIONS:
            call.headers["x-amz-checksum-mode"] = "ENABLED"
        if call.body is not None:
            call.headers[PAYLOAD_HASH] = hashlib.sha256(call.body).hexdigest()
        else:
            call.headers[PAYLOAD_HASH] = EMPTY_PAYLOAD if call.content is None else UNSIGNED_PAYLOAD
        return call

    def _params(self, row: Operation, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters in the form that the row of S3 has for them."""
        _refuse_lacking(row, params)
        found = dict(params)
        if row.name == "CreateBucket" and self._region:
            found["LocationConstraint"] = self._region
        if row.name == "ListParts":
            found.pop("EncodingType", None)
        if isinstance(source := found.get("CopySource"), Mapping):
            found["CopySource"] = _copy_source(source)
        return found

    def cos_headers(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """See `ClientDialect.cos_headers`."""
        named = names.headers_to_cos(headers)
        if "x-amz-id-2" in named:
            named["x-cos-trace-id"] = named["x-amz-id-2"]
        return named

    def decode(self, call: Call, response: Response) -> dict[str, Any]:
        """See `ClientDialect.decode`."""
        operation = row = call.operation
        root, other = _OTHER_ROOTS.get(operation.name, (b"", operation))
        if root and root in response.body:
            row = other
        result = decode_result(row, response.headers, response.body, keep_encoded=True)
        if operation.result and result.get("EncodingType") == "url" and not call.keep_encoded:
            _decode_keys(operation.result, result)
            del result["EncodingType"]
        return result_to_cos(operation.name, result)

    def error(self, operation: Operation, response: Response, resource: str) -> CosServiceError:
        """See `ClientDialect.error`."""
        error = decode_error(
            response.status,
            response.headers,
            response.body,
            method=operation.method,
            resource=resource,
            names=COS_NAMES,
        )
        place = response.headers.get("x-cos-bucket-region", "")
        if place and place != (self._region or DEFAULT_REGION):
            error.add_note(
                f"The bucket is in {place}: give the client this region and its endpoint"
            )
        return error

    def is_genuine(self, response: Response, *, bare: bool) -> bool:
        """See `ClientDialect.is_genuine`; without a request id an empty response has to do."""
        if not bare or any(name in response.headers for name in _OWN_HEADERS):
            return True
        kind = response.headers.get("Content-Type", "").lower()
        # HEAD returns the length that GET would return; a portal's is that of a web page or a text.
        shown = response.headers.get("Content-Length", "0") != "0" and "xml" not in kind
        return not (response.body or shown or "html" in kind)

    def expected_checksum(self, status: int, headers: Mapping[str, str]) -> BodyChecksum | None:
        """See `ClientDialect.expected_checksum`."""
        if not is_whole(status, headers):
            return None
        crc64 = body_crc64(status, headers)
        if crc64 is not None:
            return Crc64Checksum(crc64)
        for algorithm in _CHECKSUMS:
            text = headers.get(algorithm.header, "")
            if text and "-" not in text:  # else it is one of the checksums of parts
                return HashChecksum(algorithm.name, text, algorithm.hasher())
        md5 = self.stored_md5({}, headers)
        return HashChecksum("MD5", md5, hashlib.md5()) if md5 else None

    def stored_md5(self, asked: Mapping[str, str], headers: Mapping[str, str]) -> str:
        """See `ClientDialect.stored_md5`."""
        # With a key of KMS or of the client's own, the ETag is not the MD5.
        if _CUSTOMER_KEY in headers or names.s3_name(_CUSTOMER_KEY) in asked:
            return ""
        if headers.get("x-cos-server-side-encryption", "AES256") != "AES256":
            return ""
        return md5_of_etag(headers.get("ETag", ""))


def _refuse_lacking(row: Operation, params: Mapping[str, Any]) -> None:
    for name, value in params.items():
        instead = _LACKING.get(name) or _LACKING_IN.get((row.name, name))
        if instead and value is not None:
            raise ParameterError(f"S3 has no {name} for {row.function}: {instead}")


def _copy_source(source: Mapping[str, Any]) -> str:
    """Return the header for a CopySource, whose Region is ignored.

    Raises:
        ParameterError: a part of the CopySource is missing, or is no text.
    """
    check_source(source)
    bucket, key, version = source.get("Bucket"), source.get("Key"), source.get("VersionId")
    if not isinstance(bucket, str) or not is_s3_bucket_name(bucket):
        raise ParameterError(f"CopySource is of no bucket: {bucket!r}")
    if source.get("Endpoint"):
        raise ParameterError("S3 copies within one store: CopySource has no Endpoint there")
    try:
        location = f"{bucket}/{quote(encode_text(str(key)), safe='/-_.~')}"
    except UnicodeEncodeError as cause:
        raise ParameterError("CopySource has half a surrogate pair in its Key") from cause
    return f"{location}?versionId={quote(str(version), safe='')}" if version else location


def _decode_keys(shape: Shape, value: dict[str, Any]) -> None:
    """Decode the percent-encoded fields of a listing; stores write a blank as `+`."""
    for child in shape.children:
        if child.children:
            for item in items(value, child.tag):
                _decode_keys(child, item)
        elif child.encoded and value.get(child.tag):
            value[child.tag] = unquote_plus(value[child.tag], errors="surrogateescape")
