"""Checksum of a completed object, computed from the checksums of its parts."""

from collections.abc import Mapping, Sequence
from typing import Any

from coskit.protocol.errors import InvalidPart, InvalidRequest
from coskit.protocol.s3.checksums.algorithms import (
    ALGORITHMS,
    KINDS,
    Algorithm,
    Checksum,
    RequestedChecksum,
    load_checksum,
    load_requested_checksum,
)
from coskit.protocol.s3.checksums.headers import (
    declared_object_checksum,
    mismatch,
    other_algorithm,
    requested_kind,
)
from coskit.server.handlers.context import Context
from coskit.server.store.interfaces.conditions import Finish
from coskit.server.store.model import Part, Upload


def completion_checksum(ctx: Context, listed: Sequence[Mapping[str, Any]]) -> Finish:
    """Return a function that computes an object's checksum and verifies the request's.

    Args:
        ctx: the request to complete an upload.
        listed: the parts in the request's document.

    Raises:
        InvalidRequest: the headers are inconsistent.
    """
    declared, kind = declared_object_checksum(ctx.headers), requested_kind(ctx.headers)
    size = ctx.headers.get("x-amz-mp-object-size", "")
    if size and not (size.isascii() and size.isdecimal()):
        raise InvalidRequest("Value for x-amz-mp-object-size header is invalid.")

    def finish(upload: Upload, parts: Sequence[Part]) -> str | None:
        asked = load_requested_checksum(upload.checksums)
        _check_size(size, parts)
        _check_listed(listed, parts, asked)
        if asked is None:
            found = _unrequested_checksum(parts, declared)
        else:
            if kind and kind != asked.kind:
                raise InvalidRequest(
                    f"The upload was created using the {asked.kind} checksum mode. The complete "
                    "request must use the same checksum mode."
                )
            if declared and declared.algorithm is not asked.algorithm:
                raise other_algorithm(asked.algorithm, declared.algorithm)
            found = asked.of_parts(_digests(parts, asked.algorithm))
            if declared and not _is_same_checksum(declared, found):
                raise mismatch(asked.algorithm)
        return found.dump() if found else None

    return finish


def _check_size(declared: str, parts: Sequence[Part]) -> None:
    size = str(sum(part.size for part in parts))
    if declared and declared.lstrip("0") != size.lstrip("0"):
        raise InvalidRequest(
            f"The provided 'x-amz-mp-object-size' header value {declared} does not match what was "
            f"computed: {size}"
        )


def _check_listed(
    listed: Sequence[Mapping[str, Any]], parts: Sequence[Part], asked: RequestedChecksum | None
) -> None:
    """Compare the checksums in a document with those stored with the parts."""
    for entry, part in zip(listed, parts, strict=True):
        found = load_checksum(part.checksums)
        for algorithm in ALGORITHMS.values():
            text = entry.get(algorithm.field)
            if text and (found is None or (found.algorithm, found.text) != (algorithm, text)):
                raise InvalidPart(f"Part {part.number} has a different {algorithm.name}.")
        if asked and asked.kind == "COMPOSITE" and not entry.get(asked.algorithm.field):
            raise InvalidRequest(
                f"The upload was created using a {asked.algorithm.name.lower()} checksum. The "
                "complete request must include the checksum for each part. It was missing for "
                f"part {part.number} in the request."
            )


def _digests(parts: Sequence[Part], algorithm: Algorithm) -> list[tuple[bytes, int]]:
    digests = []
    for part in parts:
        found = load_checksum(part.checksums)
        if found is None or found.algorithm is not algorithm:
            raise InvalidPart(f"Part {part.number} has no {algorithm.name}.")
        digests.append((found.digest, part.size))
    return digests


def _unrequested_checksum(parts: Sequence[Part], declared: Checksum | None) -> Checksum | None:
    """Return the checksum of an upload that asked for none, if its parts have checksums.

    Raises:
        BadDigest: the request's checksum differs from every checksum that the parts give.
    """
    found = [load_checksum(part.checksums) for part in parts]
    algorithm = found[0].algorithm if found[0] else None
    if algorithm is None or any(one is None or one.algorithm is not algorithm for one in found):
        return None
    digests = _digests(parts, algorithm)
    made = [
        RequestedChecksum(algorithm, kind).of_parts(digests)
        for kind in KINDS
        if algorithm.allows(kind)
    ]
    if declared and declared.algorithm is algorithm:
        fitting = [one for one in made if _is_same_checksum(declared, one)]
        if not fitting:
            raise mismatch(algorithm)
        return fitting[0]
    return made[0] if made[0].kind == "FULL_OBJECT" else None


def _is_same_checksum(declared: Checksum, found: Checksum) -> bool:
    """Return whether a checksum equals the request's; the number of parts may be missing there.

    Clients differ in whether they send the number of parts of a composite checksum.
    """
    return declared.text in (found.text, found.text.partition("-")[0])
