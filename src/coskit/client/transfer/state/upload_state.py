"""The saved state of an interrupted upload, and the checks of what can be resumed."""

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

# Seconds: the service returns whole seconds of its own clock.
_MARGIN = 2.0
# Seconds within which a request arrives whose process died, or never.
_LATEST_ARRIVAL = 60.0

# Options that apply when the object appears, or to one request; parts do not depend on them.
_NOT_PART_OPTIONS = frozenset(("ForbidOverwrite", "IfMatch", "IfNoneMatch", "TrafficLimit"))
# Refusals after which a retry with the same parts may succeed.
_PASSING_STATUS = frozenset((401, 403, 408, 429))
_PASSING_CODE = frozenset(
    ("BadDigest", "ExpiredToken", "IncompleteBody", "InvalidPart", "RequestTimeout")
)


@dataclass(frozen=True, slots=True)
class LostInitiation:
    """The time in which an upload may have been initiated whose response was lost.

    Attributes:
        start: the Unix seconds before the request, by this machine's clock.
        end: the Unix seconds after the failure; None if the process died before it.
    """

    start: float
    end: float | None = None

    def holds(self, moment: float) -> bool:
        """Return whether a moment, given in whole seconds, may lie in the time."""
        end = self.start + _LATEST_ARRIVAL if self.end is None else self.end
        return self.start - _MARGIN <= moment <= end + _MARGIN


@dataclass(frozen=True, slots=True)
class UploadState:
    """The state of an upload, as its journal keeps it.

    Attributes:
        upload_id: the id of the upload, or "" if there is none.
        begun: the time of its initiation, in Unix seconds by this machine's clock.
        crc64: the CRC64 of the whole object, after its completion was requested.
        source: the state with which the source gives the same bytes again.
        lost: the times in which further uploads may have been initiated.
        etag: the ETag that the parts give the whole object, after its completion was requested;
            "" if it is unknown.
    """

    upload_id: str = ""
    begun: float = 0.0
    crc64: int | None = None
    source: Mapping[str, str] = field(default_factory=dict)
    lost: tuple[LostInitiation, ...] = ()
    etag: str = ""


def encode_state(state: UploadState) -> dict[str, Any]:
    """Return a state as JSON values."""
    return {
        "upload_id": state.upload_id,
        "begun": state.begun,
        "crc64": state.crc64,
        "source": dict(state.source),
        "lost": [[window.start, window.end] for window in state.lost],
        "etag": state.etag,
    }


def decode_state(state: Mapping[str, Any]) -> UploadState:
    """Return the state that was saved; an empty one if it is malformed."""
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
    """Return a hash of the options of an upload; customer keys cannot be read from it.

    Args:
        options: the options of the upload's requests.
    """

    def plain(value: Any) -> Any:
        return dict(value) if isinstance(value, Mapping) else repr(value)

    bound = {name: value for name, value in options.items() if name not in _NOT_PART_OPTIONS}
    return sha256(json.dumps(bound, sort_keys=True, default=plain).encode()).hexdigest()


def matching(
    parts: Iterable[PartRange], listed: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[PartRange, str]]:
    """Yield the planned parts that the service has in the planned size, with their ETags.

    Args:
        parts: the planned parts.
        listed: the parts that List Parts returned.
    """
    there = {str(part.get("PartNumber")): part for part in listed}
    for part in parts:
        found = there.get(str(part.number), {})
        if str(found.get("Size")) == str(part.length) and found.get("ETag"):
            yield part, str(found["ETag"])


def is_md5(etag: str, hex_digest: str) -> bool:
    """Return whether an ETag, quoted or not, is an MD5."""
    return etag.strip('"').lower() == hex_digest.lower()


def may_be_lost_upload(
    upload: Mapping[str, Any], key: str, ours: str, lost: Iterable[LostInitiation], ahead: float
) -> bool:
    """Return whether a listed upload may be one whose id never arrived.

    Args:
        upload: the upload as List Multipart Uploads returned it.
        key: the key of the object.
        ours: the id of the upload that was used.
        lost: the times in which lost uploads may have been initiated.
        ahead: the seconds by which the service's clock is ahead of this machine's.
    """
    initiated = parse_iso_date(str(upload.get("Initiated", "")))
    if upload.get("Key") != key or upload.get("UploadId") == ours or initiated is None:
        return False
    return any(window.holds(initiated / 1000 - ahead) for window in lost)


def is_completed(head: Mapping[str, str], size: int, asked: UploadState, ahead: float) -> bool:
    """Return whether an object is the result of an upload.

    Args:
        head: the headers of the object.
        size: the bytes that the object should have.
        asked: the state of the upload, with the CRC64 or ETag of its completion.
        ahead: the seconds by which the service's clock is ahead of this machine's.
    """
    if head.get("Content-Length") != str(size):
        return False
    crc64 = object_crc64(head)
    # The ETag of a service without CRC64 shows the parts of the object.
    by_parts = crc64 is None and asked.etag != "" and head.get("ETag", "").strip('"') == asked.etag
    if not by_parts and (crc64 is None or crc64 != asked.crc64):
        return False
    modified = parse_http_date(head.get("Last-Modified", ""))
    # The same bytes may have been stored before, with other options.
    return modified is None or modified / 1000 - ahead >= asked.begun - _MARGIN


def seconds_ahead(date: str, now: float) -> float:
    """Return the seconds by which a Date header is ahead of `now`; 0 if it is malformed."""
    moment = parse_http_date(date)
    return 0.0 if moment is None else moment / 1000 - now


def is_worth_resuming(error: BaseException) -> bool:
    """Return whether a later upload may use the parts of an upload that failed."""
    if isinstance(error, CosServiceError):
        if 400 <= error.status < 500:
            return error.status in _PASSING_STATUS or error.code in _PASSING_CODE
        return True  # the service failed, or another server responded
    return not isinstance(error, SourceChanged | ParameterError)


def may_have_completed(error: CosException, lost: CosException | None) -> bool:
    """Return whether a refused completion may have succeeded before.

    Args:
        error: the refusal.
        lost: the failure of an earlier attempt whose response was lost, if any.
    """
    if isinstance(error, NoSuchUpload):
        return True
    return lost is not None and isinstance(error, PreconditionFailed | FileAlreadyExists)
