"""GetObjectAttributes: the attributes of an object that a request selects."""

from typing import Any

from coskit.protocol.codec.dates import http_date
from coskit.protocol.errors import InvalidArgument, InvalidRequest
from coskit.protocol.s3.checksums.algorithms import load_checksum
from coskit.server.handlers.body.checksums import checksum_fields, part_checksum_fields
from coskit.server.handlers.body.server_side_encryption import required_key
from coskit.server.handlers.buckets.listing import page_limit
from coskit.server.handlers.context import Context, Reply
from coskit.server.handlers.object_state.versions import find_object
from coskit.server.handlers.objects.symlinks import follow_link, is_link
from coskit.server.store.model import Version
from coskit.server.store.part_layout import LayoutPart, pieces

PAGE = 1000
_ATTRIBUTES = frozenset(("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"))


async def get_object_attributes(ctx: Context) -> Reply:
    """Return the selected attributes of an object, without those that the object lacks."""
    chosen = _requested_attributes(ctx.params.get("ObjectAttributes", ""))
    version = find_object(ctx)
    version_header = {"x-cos-version-id": version.version_id} if ctx.bucket.versioning else {}
    if is_link(version):
        ctx, version, _ = follow_link(ctx, version)
    required_key(ctx, version.sealing)
    result: dict[str, Any] = {"Last-Modified": http_date(version.modified), **version_header}
    if "ETag" in chosen:
        result["ETag"] = version.etag
    if "Checksum" in chosen:
        if checksum := checksum_fields(ctx, load_checksum(version.checksums)):
            result["Checksum"] = checksum
    if "ObjectParts" in chosen and version.parts:
        result["ObjectParts"] = _parts_page(ctx, version)
    if "StorageClass" in chosen:
        result["StorageClass"] = version.storage_class
    if "ObjectSize" in chosen:
        result["ObjectSize"] = str(version.size)
    return Reply(result)


def _requested_attributes(text: str) -> set[str]:
    """Return the names in a list.

    Raises:
        InvalidRequest: the list is empty.
        InvalidArgument: the list has a name that is not an attribute.
    """
    names = {name for item in text.split(",") if (name := item.strip())}
    if not names:
        raise InvalidRequest(
            "The x-amz-object-attributes header specifying the attributes to be retrieved is "
            "either missing or empty"
        )
    if not names <= _ATTRIBUTES:
        raise InvalidArgument("Invalid attribute name specified.")
    return names


def _parts_page(ctx: Context, version: Version) -> dict[str, Any]:
    """Return a page of the parts that an object was completed from.

    For an object that an earlier version completed, only the number of parts is known.
    """
    limit = page_limit(ctx.params.get("MaxParts", PAGE), "MaxParts")
    marker = ctx.params.get("PartNumberMarker", 0)
    following = [piece for piece in pieces(version) if piece.number > marker]
    shown = following[:limit]
    return {
        "PartsCount": str(version.parts),
        "PartNumberMarker": str(marker),
        "NextPartNumberMarker": str(shown[-1].number if shown else 0),
        "MaxParts": str(limit),
        "IsTruncated": "true" if len(following) > len(shown) else "false",
        "Part": [_part_fields(ctx, piece) for piece in shown],
    }


def _part_fields(ctx: Context, piece: LayoutPart) -> dict[str, str]:
    return {
        "PartNumber": str(piece.number),
        "Size": str(piece.size),
        **part_checksum_fields(ctx, piece),
    }
