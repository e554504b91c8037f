"""Checksum headers of requests: the checksums that they request and declare."""

from collections.abc import Mapping
from dataclasses import dataclass

from coskit.protocol.errors import BadDigest, InvalidRequest, MalformedTrailerError
from coskit.protocol.s3.checksums.algorithms import (
    ALGORITHMS,
    BY_HEADER,
    HEADER,
    KINDS,
    Algorithm,
    Checksum,
    Kind,
    RequestedChecksum,
    checksum,
)

# Headers with the prefix of checksum headers that hold no checksum.
_NOT_CHECKSUMS = frozenset((f"{HEADER}algorithm", f"{HEADER}mode", f"{HEADER}type"))
_MULTIPLE = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."


def requested_algorithm(headers: Mapping[str, str]) -> Algorithm | None:
    """Return the algorithm that a request selects for the server, or None.

    Raises:
        InvalidRequest: the algorithm does not exist.
    """
    name = headers.get(f"{HEADER}algorithm", "")
    if not name:
        return None
    algorithm = ALGORITHMS.get(name.upper())
    if algorithm is None:
        raise InvalidRequest(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid "
            f"types: [{', '.join(ALGORITHMS)}]"
        )
    return algorithm


def requested_checksum(headers: Mapping[str, str]) -> RequestedChecksum | None:
    """Return the checksum that the start of a multipart upload requests, or None.

    Raises:
        InvalidRequest: the algorithm does not exist, or has no checksum of this kind.
    """
    algorithm, kind = requested_algorithm(headers), requested_kind(headers)
    if algorithm is None:
        if kind is None:
            return None
        raise InvalidRequest(
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm "
            "header."
        )
    kind = kind or algorithm.kind
    if not algorithm.allows(kind):
        raise InvalidRequest(
            f"The {kind} checksum type cannot be used with the {algorithm.name.lower()} checksum "
            "algorithm."
        )
    return RequestedChecksum(algorithm, kind)


def requested_kind(headers: Mapping[str, str]) -> Kind | None:
    """Return the kind of checksum that a request names, or None.

    Raises:
        InvalidRequest: the kind does not exist.
    """
    text = headers.get(f"{HEADER}type", "")
    if not text:
        return None
    for kind in KINDS:
        if text.upper() == kind:
            return kind
    raise InvalidRequest("Value for x-amz-checksum-type header is invalid.")


@dataclass(frozen=True, slots=True)
class DeclaredChecksum:
    """The checksum of the body that a request declares in its headers.

    Attributes:
        algorithm: the checksum's algorithm.
        digest: the checksum, or None if it follows the body in a trailer.
    """

    algorithm: Algorithm
    digest: bytes | None

    def verify(self, digest: bytes, trailers: Mapping[str, str]) -> Checksum:
        """Verify the checksum of a received body, and return it.

        Args:
            digest: the computed checksum.
            trailers: the trailers after the body.

        Raises:
            MalformedTrailerError: the trailer with the checksum is missing.
            InvalidRequest: the checksum in the trailer is malformed.
            BadDigest: the checksum differs from the declared one.
        """
        expected = self.digest
        if expected is None:
            text = trailers.get(self.algorithm.header)
            if text is None:
                raise MalformedTrailerError
            expected = self.algorithm.parse(text)
            if expected is None:
                name = self.algorithm.header
                raise InvalidRequest(f"Value for {name} trailing header is invalid.")
        if digest != expected:
            raise mismatch(self.algorithm)
        return checksum(self.algorithm, digest)


def mismatch(algorithm: Algorithm) -> BadDigest:
    """Return the error for a checksum that differs."""
    return BadDigest(f"The {algorithm.name} you specified did not match the calculated checksum.")


def other_algorithm(expected: Algorithm, actual: Algorithm | None) -> InvalidRequest:
    """Return the error for a checksum of another algorithm than the upload requests."""
    given = actual.name.lower() if actual else "null"
    return InvalidRequest(
        "Checksum Type mismatch occurred, expected checksum Type: "
        f"{expected.name.lower()}, actual checksum Type: {given}"
    )


def declared_checksum(headers: Mapping[str, str]) -> DeclaredChecksum | None:
    """Return the checksum that a request declares for its body, or None.

    Args:
        headers: the headers by lower-case name.

    Raises:
        InvalidRequest: there are two checksums, an unknown algorithm, or a malformed value.
    """
    given = _named(headers)
    following = headers.get("x-amz-trailer", "")
    promised = headers.get("x-amz-sdk-checksum-algorithm", "")
    if not (given or following or promised):
        return None
    if promised and promised.upper() not in ALGORITHMS:
        raise InvalidRequest("Value for x-amz-sdk-checksum-algorithm header is invalid.")
    names = (name.strip().lower() for name in following.split(","))
    trailing = [name for name in names if name.startswith(HEADER)]
    if len(given) + len(trailing) > 1:
        raise InvalidRequest(_MULTIPLE)
    if trailing:
        algorithm = BY_HEADER.get(trailing[0])
        if algorithm is None:
            raise InvalidRequest("The value specified in the x-amz-trailer header is not supported")
        return DeclaredChecksum(algorithm, None)
    if given:
        return _given(given[0], headers[given[0]])
    if not promised:
        return None
    raise InvalidRequest(
        "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
        "x-amz-trailer headers were found."
    )


def declared_object_checksum(headers: Mapping[str, str]) -> Checksum | None:
    """Return the object's checksum that the completion of an upload declares, or None.

    Args:
        headers: the headers by lower-case name.

    Raises:
        InvalidRequest: there are two checksums, an unknown algorithm, or a malformed value.
    """
    given = _named(headers)
    if not given:
        return None
    if len(given) > 1:
        raise InvalidRequest(_MULTIPLE)
    text, _, count = headers[given[0]].partition("-")
    said = _given(given[0], text if count.isdecimal() else headers[given[0]])
    return Checksum(said.algorithm, headers[given[0]])


def _named(headers: Mapping[str, str]) -> list[str]:
    return [name for name in headers if name.startswith(HEADER) and name not in _NOT_CHECKSUMS]


def _given(name: str, text: str) -> DeclaredChecksum:
    algorithm = BY_HEADER.get(name)
    if algorithm is None:
        raise InvalidRequest(
            "The algorithm type you specified in x-amz-checksum- header is invalid."
        )
    digest = algorithm.parse(text)
    if digest is None:
        raise InvalidRequest(f"Value for {name} header is invalid.")
    return DeclaredChecksum(algorithm, digest)
