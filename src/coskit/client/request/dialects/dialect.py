"""The interface of a client's dialects: COS, or S3 with `dialect="s3"`."""

from collections.abc import Mapping
from typing import Any, Protocol

from coskit.client.config import ClientConfig
from coskit.client.request.checksums import BodyChecksum
from coskit.client.request.dialects.signer import RequestSigner
from coskit.protocol.codec.encode_request import Call
from coskit.protocol.errors import CosServiceError
from coskit.protocol.messages import Response
from coskit.protocol.model import Operation

REQUEST_ID = "x-cos-request-id"


class ClientDialect(Protocol):
    """Encodes and signs calls and parses responses.

    The rest of the client works with the operations, headers and results of COS in every dialect.

    Attributes:
        min_part_size: the least number of bytes of a part, except for the last one.
        returns_crc64: whether the service returns the CRC64 of stored objects.
        payload_hash_header: the header for the SHA-256 of content that is in memory, "" for none.
        needs_md5: whether the MD5 of content may be needed after it is sent.
        needs_length: whether content of unknown length is refused.
        returns_request_id: whether every response of the service has a request id.
    """

    min_part_size: int
    returns_crc64: bool
    payload_hash_header: str
    needs_md5: bool
    needs_length: bool
    returns_request_id: bool

    def signer(self, config: ClientConfig) -> RequestSigner:
        """Return the signer of requests."""
        ...

    def encode(self, operation: Operation, params: Mapping[str, Any]) -> Call:
        """Return an operation as a call, encoded for the wire.

        Args:
            operation: the row of COS.
            params: the parameters that `normalise` returned.

        Raises:
            ParameterError: a parameter is wrong, or the dialect has no such operation or parameter.
        """
        ...

    def cos_headers(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Return the headers of a response in the names of COS."""
        ...

    def decode(self, call: Call, response: Response) -> dict[str, Any]:
        """Return the result in the response to a call.

        Args:
            call: the call as `encode` returned it.
            response: the response, with the headers in the names of COS.

        Raises:
            NotThisShape: the document has another shape, such as an error inside a 200.
        """
        ...

    def error(self, operation: Operation, response: Response, resource: str) -> CosServiceError:
        """Return the error that a response stands for."""
        ...

    def is_genuine(self, response: Response, *, bare: bool) -> bool:
        """Return whether a response is the service's own, as far as its head shows.

        Args:
            response: the response, with the headers in the names of COS.
            bare: whether nothing else proves it: no document and no header of the operation.
        """
        ...

    def expected_checksum(self, status: int, headers: Mapping[str, str]) -> BodyChecksum | None:
        """Return the checksum that a response's body must have, or None if it is unknown.

        Args:
            status: the status of the response.
            headers: the headers of the response, in the names of COS.
        """
        ...

    def stored_md5(self, asked: Mapping[str, str], headers: Mapping[str, str]) -> str:
        """Return the hex MD5 of the stored content according to the response, "" if it has none.

        Args:
            asked: the headers of the request, as they were sent.
            headers: the headers of the response, in the names of COS.
        """
        ...
