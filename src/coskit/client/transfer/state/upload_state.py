"""What an upload writes down for the next one, and which of its remains may be used again."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from coskit.client.request.checksums import object_crc64
from coskit.client.transfer.parts import PartRange
from coskit.protocol.codec.dates import parse_http_date, parse_iso_date
from coskit.protocol.errors import (
    CosException,
    CosServiceError,
    FileAlreadyExists,
    NoSuchUpload,
    ParameterError,
    PreconditionFailed,
    SourceChanged,
)

# The service tells whole seconds, of its own clock.
_MARGIN = 2.0
# A request whose process died with it arrives within this, or never.
_LATEST_ARRIVAL = 60.0

# They are decided when the object appears, or concern one request: parts do not depend on them.
_UNBOUND = frozenset(("ForbidOverwrite", "IfMatch", "IfNoneMatch", "TrafficLimit"))
# Refusals that another try, with the same parts, may well escape.
_PASSING_STATUS = frozenset((401, 403, 408, 429))
_PASSING_CODE = frozenset(
    ("BadDigest", "ExpiredToken", "IncompleteBody", "InvalidPart", "RequestTimeout")
)


@dataclass(frozen=True, slots=True)
class LostInitiation:
    """When an upload may have been initiated whose id never arrived.

    Attributes:
        start: Unix seconds by this machine's clock.
        end: likewise; None if nobody lived to see it.
    """

    start: float
    end: float | None = None

    def holds(self, moment: float) -> bool:
        """Return whether a moment, to the second, may lie in it."""
        end = self.start + _LATEST_ARRIVAL if self.end is None else self.end
        return self.start - _MARGIN <= moment <= end + _MARGIN


@dataclass(frozen=True, slots=True)
class UploadState:
    """What an upload leaves in its journal.

    Attributes:
        upload_id: ours, or "" if there is none.
        begun: when it was initiated, in Unix seconds by this machine's clock.
        crc64: of the whole object, once its completion has been asked for.
        etag: likewise, as parts give it to their whole; "" if they do not tell.
        source: what the source needs to give the same bytes again.
        lost: when further uploads of ours may have been initiated.
    """

    upload_id: str = ""
    begun: float = 0.0
    crc64: int | None = None
    source: Mapping[str, str] = field(default_factory=dict)
    lost: tuple[LostInitiation, ...] = ()
    etag: str = ""


def encode_state(trace: UploadState) -> dict[str, Any]:
    """Return a trace as JSON can write it."""
    return {
        "upload_id": trace.upload_id,
        "begun": trace.begun,
        "crc64": trace.crc64,
        "source": dict(trace.source),
        "lost": [[window.start, window.end] for window in trace.lost],
        "etag": trace.etag,
    }


def decode_state(state: Mapping[str, Any]) -> UploadState:
    """Return the trace that was written; an empty one for anything else."""
    try:
        return UploadState(
            upload_id=str(state["upload_id"]),
            begun=float(state["begun"]),
            crc64=None if state["crc64"] is None else int(state["crc64"]),
            source={str(name): str(value) for name, value in state["source"].items()},
            lost=tuple(
                LostInitiation(float(start), None if end is None else float(end))
                for start, end in state["lost"]
            ),
            etag=str(state.get("etag", "")),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return UploadState()


def fingerprint(options: Mapping[str, Any]) -> str:
    """Return what tells the options of two uploads apart; keys among them cannot be read from it.

    Args:
        options: as the caller gave them.
    """

    def plain(value: Any) -> Any:
        return dict(value) if isinstance(value, Mapping) else repr(value)

    bound = {name: value for name, value in options.items() if name not in _UNBOUND}
    return sha256(json.dumps(bound, sort_keys=True, default=plain).encode()).hexdigest()


def matching(
    parts: Iterable[PartRange], listed: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[PartRange, str]]:
    """Yield the parts of a plan that the service has in the planned size, with their ETags.

    Args:
        parts: the plan.
        listed: what List Parts says.
    """
    there = {str(part.get("PartNumber")): part for part in listed}
    for part in parts:
        found = there.get(str(part.number), {})
        if str(found.get("Size")) == str(part.length) and found.get("ETag"):
            yield part, str(found["ETag"])


def is_md5(etag: str, hex_digest: str) -> bool:
    """Return whether an ETag, quoted or not, is this MD5."""
    return etag.strip('"').lower() == hex_digest.lower()


def may_be_lost_upload(
    upload: Mapping[str, Any], key: str, ours: str, lost: Iterable[LostInitiation], ahead: float
) -> bool:
    """Return whether a listed upload may be one of those whose ids never arrived.

    Args:
        upload: what List Multipart Uploads says of it.
        key: of the object.
        ours: the id of the upload that was used.
        lost: when such uploads may have been initiated.
        ahead: seconds by which the service's clock is ahead of this machine's.
    """
    initiated = parse_iso_date(str(upload.get("Initiated", "")))
    if upload.get("Key") != key or upload.get("UploadId") == ours or initiated is None:
        return False
    return any(window.holds(initiated / 1000 - ahead) for window in lost)


def is_completed(head: Mapping[str, str], size: int, asked: UploadState, ahead: float) -> bool:
    """Return whether an object is what an upload of ours was to become.

    Args:
        head: its headers.
        size: its bytes as they should be.
        asked: the upload's trace, with what its completion is known by.
        ahead: seconds by which the service's clock is ahead of it.
    """
    if head.get("Content-Length") != str(size):
        return False
    crc64 = object_crc64(head)
    # A service without the CRC64 tells of which parts the object is.
    by_parts = crc64 is None and asked.etag != "" and head.get("ETag", "").strip('"') == asked.etag
    if not by_parts and (crc64 is None or crc64 != asked.crc64):
        return False
    modified = parse_http_date(head.get("Last-Modified", ""))
    # The same bytes may have been there before, under other options.
    return modified is None or modified / 1000 - ahead >= asked.begun - _MARGIN


def seconds_ahead(date: str, now: float) -> float:
    """Return by how much a clock that says `date` is ahead of one that says `now`; 0 if unknown."""
    moment = parse_http_date(date)
    return 0.0 if moment is None else moment / 1000 - now


def is_worth_resuming(error: BaseException) -> bool:
    """Return whether what an upload that failed has sent may be of use to the next one."""
    if isinstance(error, CosServiceError):
        if 400 <= error.status < 500:
            return error.status in _PASSING_STATUS or error.code in _PASSING_CODE
        return True  # the service failed, or it was not the service that answered
    return not isinstance(error, SourceChanged | ParameterError)


def may_have_completed(error: CosException, lost: CosException | None) -> bool:
    """Return whether a completion may be refused because it has succeeded already.

    Args:
        error: the refusal.
        lost: the failure that left in doubt what became of an earlier try, if there was one.
    """
    if isinstance(error, NoSuchUpload):
        return True
    return lost is not None and isinstance(error, PreconditionFailed | FileAlreadyExists)
