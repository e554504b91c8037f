"""AWS Signature Version 4 as COS accepts it: one canonical form, the path encoded once."""

import hmac
import re
from hashlib import sha256
from urllib.parse import quote

from coskit.protocol.messages import Request, encode_text

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY_PAYLOAD = sha256(b"").hexdigest()
# Other white space, such as U+3000, is part of a value.
_BLANKS = re.compile("[ \t]+")


def canonical_request(
    request: Request, signed_headers: tuple[str, ...], payload_hash: str = UNSIGNED_PAYLOAD
) -> str:
    """Return the text whose hash is signed.

    Args:
        request: with all the signed headers.
        signed_headers: lower-case names, sorted.
        payload_hash: hex SHA-256 of the body, or what stands for it.
    """
    query = sorted((_encode(name), _encode(value)) for name, value in request.query)
    headers = "".join(
        f"{name}:{_BLANKS.sub(' ', request.headers[name]).strip(' ')}\n" for name in signed_headers
    )
    return "\n".join(
        (
            request.method,
            quote(encode_text(request.path), safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in query),
            headers,
            ";".join(signed_headers),
            payload_hash,
        )
    )


def sign(canonical: str, secret_key: str, date: str, region: str, service: str = "s3") -> str:
    """Return the hex signature of a canonical request.

    Args:
        canonical: from `canonical_request`.
        secret_key: of the key pair.
        date: the `x-amz-date`, as `20231114T221320Z`.
        region: of the scope; COS accepts any.
        service: of the scope.
    """
    scope = f"{date[:8]}/{region}/{service}/aws4_request"
    digest = sha256(encode_text(canonical)).hexdigest()
    key = f"AWS4{secret_key}".encode()
    for step in (date[:8], region, service, "aws4_request"):
        key = hmac.digest(key, step.encode(), "sha256")
    return hmac.digest(key, f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}".encode(), "sha256").hex()


def _encode(text: str) -> str:
    return quote(encode_text(text), safe="-_.~")
