"""The dialect of COS, which follows the operation table."""

from collections.abc import Mapping
from typing import Any

from coskit.client.config import ClientConfig
from coskit.client.request.checksums import BodyChecksum, Crc64Checksum, body_crc64
from coskit.client.request.dialects.dialect import REQUEST_ID
from coskit.client.request.dialects.signer import RequestSigner
from coskit.client.settings.transfers import MIB
from coskit.protocol.codec.encode_request import Call, encode_request
from coskit.protocol.codec.results import decode_result
from coskit.protocol.codec.xml.error_document import decode_error
from coskit.protocol.errors import CosServiceError
from coskit.protocol.messages import Response
from coskit.protocol.model import Operation


class CosClientDialect:
    """The dialect of COS: calls and responses follow the operation table."""

    min_part_size = MIB
    returns_crc64 = True
    payload_hash_header = ""
    needs_md5 = False
    needs_length = False
    returns_request_id = True

    def signer(self, config: ClientConfig) -> RequestSigner:
        """See `ClientDialect.signer`."""
        return RequestSigner(config)

    def encode(self, operation: Operation, params: Mapping[str, Any]) -> Call:
        """See `ClientDialect.encode`."""
        return encode_request(operation, params)

    def cos_headers(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Return the headers, which have the names of COS already."""
        return headers

    def decode(self, call: Call, response: Response) -> dict[str, Any]:
        """See `ClientDialect.decode`."""
        return decode_result(
            call.operation, response.headers, response.body, keep_encoded=call.keep_encoded
        )

    def error(self, operation: Operation, response: Response, resource: str) -> CosServiceError:
        """See `ClientDialect.error`."""
        return decode_error(
            response.status,
            response.headers,
            response.body,
            method=operation.method,
            resource=resource,
        )

    def is_genuine(self, response: Response, *, bare: bool) -> bool:
        """Return whether the response has a request id, as each response of COS has."""
        return bool(response.headers.get(REQUEST_ID))

    def expected_checksum(self, status: int, headers: Mapping[str, str]) -> BodyChecksum | None:
        """See `ClientDialect.expected_checksum`."""
        crc64 = body_crc64(status, headers)
        return None if crc64 is None else Crc64Checksum(crc64)

    def stored_md5(self, asked: Mapping[str, str], headers: Mapping[str, str]) -> str:
        """Return "", because COS returns the CRC64."""
        return ""
