"""The seam between a client and what it speaks: COS, or S3 with `dialect="s3"`."""

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
    """How calls are laid out and signed, and how answers are understood.

    The rest of the client sees the operations, headers and results of COS whatever the dialect.

    Attributes:
        min_part_size: bytes that a part needs, unless it is the last one.
        returns_crc64: whether the CRC64 of whatever is stored is told.
        payload_hash_header: the header with the SHA-256 of content that is in memory, "" for none.
        needs_md5: whether the MD5 of content may be needed once it is sent.
        needs_length: whether content is refused whose length is not known before it is sent.
        returns_request_id: whether every answer of the service has a request id.
    """

    min_part_size: int
    returns_crc64: bool
    payload_hash_header: str
    needs_md5: bool
    needs_length: bool
    returns_request_id: bool

    def signer(self, config: ClientConfig) -> RequestSigner:
        """Return what puts calls on an address and signs them."""
        ...

    def encode(self, operation: Operation, params: Mapping[str, Any]) -> Call:
        """Return the call that an operation is on the wire.

        Args:
            operation: of COS.
            params: as `normalise` leaves them.

        Raises:
            ParameterError: a parameter is wrong, or the dialect has no such operation or parameter.
        """
        ...

    def cos_headers(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Return the headers of an answer in the names of COS."""
        ...

    def decode(self, call: Call, response: Response) -> dict[str, Any]:
        """Return the result that an answer to a call of `encode` tells.

        Args:
            call: the call as `encode` returned it.
            response: the response, with the headers in the names of COS.

        Raises:
            NotThisShape: the document is another one, such as an error inside a 200.
        """
        ...

    def error(self, operation: Operation, response: Response, resource: str) -> CosServiceError:
        """Return the exception that an answer stands for."""
        ...

    def is_genuine(self, response: Response, *, bare: bool) -> bool:
        """Return whether an answer is the service's own, as far as its head tells.

        Args:
            response: with the headers in the names of COS.
            bare: nothing else proves it: neither a document nor what its operation always tells.
        """
        ...

    def expected_checksum(self, status: int, headers: Mapping[str, str]) -> BodyChecksum | None:
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
