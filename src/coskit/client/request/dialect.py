"""The seam between a client and what it speaks: COS, or S3 with `dialect="s3"`."""

from collections.abc import Mapping
from typing import Any, Protocol

from coskit.client.config import ClientConfig
from coskit.client.request.checksums import Crc64Proof, Proof, promised_crc64
from coskit.client.request.signer import Addressing
from coskit.client.settings.transfers import MIB
from coskit.protocol.codec.encode_request import Call, encode_request
from coskit.protocol.codec.results import decode_result
from coskit.protocol.codec.xml.error_document import decode_error
from coskit.protocol.errors import CosServiceError
from coskit.protocol.messages import Response
from coskit.protocol.model import Operation

REQUEST_ID = "x-cos-request-id"


class Dialect(Protocol):
    """How calls are laid out and signed, and how answers are understood.

    The rest of the client sees the operations, headers and results of COS whatever the dialect.

    Attributes:
        smallest_part: bytes that a part needs, unless it is the last one.
        tells_crc64: whether the CRC64 of whatever is stored is told.
        content_hash: the header with the SHA-256 of content that is in memory, "" for none.
        sums_md5: whether the MD5 of content may be needed once it is sent.
        needs_length: whether content is refused whose length is not known before it is sent.
        tells_request_id: whether every answer of the service has a request id.
    """

    smallest_part: int
    tells_crc64: bool
    content_hash: str
    sums_md5: bool
    needs_length: bool
    tells_request_id: bool

    def addressing(self, config: ClientConfig) -> Addressing:
        """Return what puts calls on an address and signs them."""
        ...

    def lay_out(self, operation: Operation, params: Mapping[str, Any]) -> Call:
        """Return the call that an operation is on the wire.

        Args:
            operation: of COS.
            params: as `normalise` leaves them.

        Raises:
            ParameterError: a parameter is wrong, or the dialect has no such operation or parameter.
        """
        ...

    def headers(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Return the headers of an answer in the names of COS."""
        ...

    def result(
        self, operation: Operation, response: Response, *, keep_encoded: bool
    ) -> dict[str, Any]:
        """Return the result that an answer to a call of `lay_out` tells.

        Args:
            operation: of the call.
            response: with the headers in the names of COS.
            keep_encoded: leave percent-encoded keys as they are.

        Raises:
            NotThisShape: the document is another one, such as an error inside a 200.
        """
        ...

    def failure(self, operation: Operation, response: Response, resource: str) -> CosServiceError:
        """Return the exception that an answer stands for."""
        ...

    def is_proven(self, response: Response, *, bare: bool) -> bool:
        """Return whether an answer is the service's own, as far as its head tells.

        Args:
            response: with the headers in the names of COS.
            bare: nothing else proves it: neither a document nor what its operation always tells.
        """
        ...

    def promised(self, status: int, headers: Mapping[str, str]) -> Proof | None:
        """Return what proves that a body is the one that is stored, or None if nothing does.

        Args:
            status: of the answer that carries the body.
            headers: likewise, in the names of COS.
        """
        ...

    def stored_md5(self, asked: Mapping[str, str], headers: Mapping[str, str]) -> str:
        """Return the hex MD5 that an answer says content was stored with, "" if it does not.

        Args:
            asked: headers of the request, as they were sent.
            headers: of the answer, in the names of COS.
        """
        ...


class CosDialect:
    """The dialect of COS: calls and answers are what the operation table says."""

    smallest_part = MIB
    tells_crc64 = True
    content_hash = ""
    sums_md5 = False
    needs_length = False
    tells_request_id = True

    def addressing(self, config: ClientConfig) -> Addressing:
        """See `Dialect.addressing`."""
        return Addressing(config)

    def lay_out(self, operation: Operation, params: Mapping[str, Any]) -> Call:
        """See `Dialect.lay_out`."""
        return encode_request(operation, params)

    def headers(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Return the headers, which have these names already."""
        return headers

    def result(
        self, operation: Operation, response: Response, *, keep_encoded: bool
    ) -> dict[str, Any]:
        """See `Dialect.result`."""
        return decode_result(operation, response.headers, response.body, keep_encoded=keep_encoded)

    def failure(self, operation: Operation, response: Response, resource: str) -> CosServiceError:
        """See `Dialect.failure`."""
        return decode_error(
            response.status,
            response.headers,
            response.body,
            method=operation.method,
            resource=resource,
        )

    def is_proven(self, response: Response, *, bare: bool) -> bool:
        """Return whether there is a request id, which COS gives every request."""
        return bool(response.headers.get(REQUEST_ID))

    def promised(self, status: int, headers: Mapping[str, str]) -> Proof | None:
        """See `Dialect.promised`."""
        crc64 = promised_crc64(status, headers)
        return None if crc64 is None else Crc64Proof(crc64)

    def stored_md5(self, asked: Mapping[str, str], headers: Mapping[str, str]) -> str:
        """Return "": COS tells the CRC64."""
        return ""


_COS: Dialect = CosDialect()


def dialect_of(config: ClientConfig) -> Dialect:
    """Return what a client speaks."""
    if config.dialect == "cos":
        return _COS
    from coskit.client.request.s3_dialect import S3Dialect  # most clients do without

    return S3Dialect(config.region)
