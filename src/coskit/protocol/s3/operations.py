"""The table of S3 operations, most of them made from the rows of COS.

A row has the name of the COS row with the same effect, and so the same handler and permission. The
rows differ in the form of the request. Handlers see the names and values of COS: the modules in
`documents/` convert names and values in documents.
"""

from dataclasses import replace
from typing import Any

from coskit.protocol import operations as cos
from coskit.protocol.bucket.lifecycle_document import SMALLEST_HEADER, SMALLEST_KINDS
from coskit.protocol.bucket_settings import BUCKET
from coskit.protocol.model import Operation, Param, Shape
from coskit.protocol.operations import (
    COMMON_PREFIXES,
    DELIMITER,
    ENCODING_TYPE,
    KEY,
    MAX_KEYS,
    OWNER,
    PREFIX,
)
from coskit.protocol.s3.checksums.algorithms import FIELDS
from coskit.protocol.s3.extra_operations import (
    BYPASS,
    LOCK_ENABLED,
    LOCK_PARAMS,
    NAMESPACE,
    OWNERSHIP,
    SUBRESOURCES,
)

PART = Param(
    "PartNumber",
    "query",
    "partNumber",
    kind="int",
    doc="Limits the response to this part of the object.",
)
SOURCE = replace(cos.COPY_SOURCE, wire="x-amz-copy-source")
_OWNER = replace(OWNER, optional=True)


def _row(row: Operation, *more: Param, **changes: Any) -> Operation:
    """Return an S3 row with the effect of a COS row.

    Args:
        row: the row of COS.
        more: parameters that S3 adds or spells differently.
        changes: other fields of the row.
    """
    names = {param.name for param in more}
    params = (*(param for param in row.params if param.name not in names), *more)
    changed = replace(row, **{"params": params, "md5": False, **changes})
    if changed.result is None:
        return changed
    return replace(changed, result=replace(changed.result, namespace=NAMESPACE))


def _shape(shape: Shape | None, path: str = "", /, **children: Shape | None) -> Shape:
    """Return a shape with changed children: None removes one, a new tag is added at the end.

    Args:
        shape: the shape of a row.
        path: the path of an inner element whose children to change, tags joined by `.`.
        children: the new children by tag.
    """
    assert shape is not None, "the row has a document"
    if path:
        tag, _, rest = path.partition(".")
        inner = next(child for child in shape.children if child.tag == tag)
        changed = _shape(inner, rest, **children)
        kept: list[Shape] = [changed if child is inner else child for child in shape.children]
    else:
        old = [children.get(child.tag, child) for child in shape.children]
        kept = [child for child in old if child is not None]
        tags = {child.tag for child in shape.children}
        kept += [new for tag, new in children.items() if new is not None and tag not in tags]
    return replace(shape, children=tuple(kept))


_LISTED = _shape(
    cos.LIST_OBJECTS.result,
    "Contents",
    StorageTier=None,
    RestoreStatus=None,
    ChecksumAlgorithm=Shape("ChecksumAlgorithm", many=True),
    ChecksumType=Shape("ChecksumType", optional=True),
    Owner=_OWNER,
)

LIST_OBJECTS = _row(cos.LIST_OBJECTS, result=_LISTED)

LIST_OBJECTS_V2 = Operation(
    "ListObjectsV2",
    "GET",
    (
        BUCKET,
        Param("ListType", "query", "list-type", required=True, choices=("2",), doc="`2`."),
        PREFIX,
        DELIMITER,
        MAX_KEYS,
        Param(
            "ContinuationToken", "query", "continuation-token", doc="The token of the next page."
        ),
        Param("StartAfter", "query", "start-after", doc="The key after which the list starts."),
        Param("FetchOwner", "query", "fetch-owner", doc="`true` includes the owners."),
        ENCODING_TYPE,
    ),
    result=Shape(
        "ListBucketResult",
        (
            Shape("Name"),
            Shape("EncodingType", optional=True),
            Shape("Prefix", blank=True, encoded=True),
            Shape("Delimiter", optional=True, blank=True, encoded=True),
            Shape("MaxKeys"),
            Shape("KeyCount"),
            Shape("ContinuationToken", optional=True),
            Shape("NextContinuationToken", optional=True),
            Shape("StartAfter", optional=True, encoded=True),
            Shape("IsTruncated", doc="`true` or `false`."),
            COMMON_PREFIXES,
            next(child for child in _LISTED.children if child.tag == "Contents"),
        ),
        namespace=NAMESPACE,
    ),
    permission="READ",
    on="bucket",
    listing=True,
    page="ListObjectsV2",
    doc="List the objects in a bucket, page by page with a continuation token.",
)

LIST_OBJECTS_VERSIONS = _row(
    cos.LIST_OBJECTS_VERSIONS,
    result=_shape(cos.LIST_OBJECTS_VERSIONS.result, "Version", StorageTier=None),
)

# Checksums in documents, and their kind.
_SUMS = {field: Shape(field, optional=True) for field in FIELDS}
_KIND = Shape("ChecksumType", optional=True)

PUT_OBJECT = _row(cos.PUT_OBJECT, *LOCK_PARAMS)
_RANGE = next(param for param in cos.GET_OBJECT.params if param.name == "Range")
HEAD_OBJECT = _row(cos.HEAD_OBJECT, _RANGE, PART, *cos.RESPONSE_OVERRIDES, status=(200, 206, 304))
GET_OBJECT = _row(cos.GET_OBJECT, PART)
COPY_OBJECT = _row(
    cos.COPY_OBJECT,
    SOURCE,
    *LOCK_PARAMS,
    result=_shape(cos.COPY_OBJECT.result, CRC64=None, VersionId=None, ChecksumType=_KIND, **_SUMS),
)
DELETE_OBJECT = _row(
    cos.DELETE_OBJECT,
    BYPASS,
    Param("IfMatch", "header", "if-match", doc="Succeed only if the object has this ETag."),
    Param(
        "IfMatchLastModifiedTime",
        "header",
        "x-amz-if-match-last-modified-time",
        doc="Succeed only if the object has this modification date.",
    ),
    Param("IfMatchSize", "header", "x-amz-if-match-size", doc="Succeed only at this size."),
)
DELETE_OBJECTS = _row(
    cos.DELETE_OBJECTS,
    BYPASS,
    body=_shape(
        cos.DELETE_OBJECTS.body,
        "Object",
        ETag=Shape("ETag", optional=True),
        LastModifiedTime=Shape("LastModifiedTime", optional=True),
        Size=Shape("Size", optional=True),
    ),
)
LIST_MULTIPART_UPLOADS = _row(
    cos.LIST_MULTIPART_UPLOADS,
    result=_shape(
        cos.LIST_MULTIPART_UPLOADS.result,
        "Upload",
        ChecksumAlgorithm=Shape("ChecksumAlgorithm", optional=True),
        ChecksumType=_KIND,
    ),
)
CREATE_MULTIPART_UPLOAD = _row(cos.CREATE_MULTIPART_UPLOAD, *LOCK_PARAMS)
UPLOAD_PART = _row(cos.UPLOAD_PART)
UPLOAD_PART_COPY = _row(
    cos.UPLOAD_PART_COPY, SOURCE, result=_shape(cos.UPLOAD_PART_COPY.result, **_SUMS)
)
LIST_PARTS = _row(
    cos.LIST_PARTS,
    result=_shape(
        _shape(cos.LIST_PARTS.result, "Part", **_SUMS),
        ChecksumAlgorithm=Shape("ChecksumAlgorithm", optional=True),
        ChecksumType=_KIND,
    ),
)
COMPLETE_MULTIPART_UPLOAD = _row(
    cos.COMPLETE_MULTIPART_UPLOAD,
    body=_shape(cos.COMPLETE_MULTIPART_UPLOAD.body, "Part", **_SUMS),
    result=_shape(cos.COMPLETE_MULTIPART_UPLOAD.result, ChecksumType=_KIND, **_SUMS),
)
ABORT_MULTIPART_UPLOAD = _row(cos.ABORT_MULTIPART_UPLOAD)
RESTORE_OBJECT = _row(
    cos.RESTORE_OBJECT,
    body=Shape(
        "RestoreRequest",
        (
            Shape("Days", number=True),
            Shape("Tier", optional=True),
            Shape(
                "GlacierJobParameters",
                (Shape("Tier"),),
                optional=True,
                type="GlacierJobParameters",
            ),
        ),
        type="RestoreRequest",
    ),
)

CREATE_BUCKET = _row(
    replace(
        cos.CREATE_BUCKET,
        params=tuple(
            p
            for p in cos.CREATE_BUCKET.params
            if p.name not in ("BucketAZConfig", "BucketArchConfig")
        ),
    ),
    Param("LocationConstraint", "xml", "LocationConstraint", doc="The region."),
    LOCK_ENABLED,
    OWNERSHIP,
    body=Shape("CreateBucketConfiguration", (Shape("LocationConstraint", optional=True),)),
)
LIST_BUCKETS = _row(
    cos.LIST_BUCKETS,
    Param(
        "Prefix", "query", "prefix", default="", doc="Limits the list to buckets with this prefix."
    ),
    Param("Marker", "query", "continuation-token", default="", doc="The token of the next page."),
    Param("Region", "query", "bucket-region", doc="Limits the list to buckets in this region."),
    Param("MaxKeys", "query", "max-buckets", kind="int", default=2000, doc="Buckets per response."),
    result=Shape(
        "ListAllMyBucketsResult",
        (
            OWNER,
            Shape(
                "Buckets",
                (
                    Shape(
                        "Bucket",
                        (Shape("Name"), Shape("CreationDate"), Shape("BucketRegion")),
                        many=True,
                        type="Bucket",
                    ),
                ),
                type="Buckets",
            ),
            Shape("ContinuationToken", optional=True),
            Shape("Prefix", optional=True),
        ),
    ),
)

GET_OBJECT_ATTRIBUTES = Operation(
    "GetObjectAttributes",
    "GET",
    (
        BUCKET,
        KEY,
        cos.VERSION_ID,
        Param(
            "ObjectAttributes",
            "header",
            "x-amz-object-attributes",
            doc="The attributes: `ETag`, `Checksum`, `ObjectParts`, `StorageClass`, `ObjectSize`.",
        ),
        Param("MaxParts", "header", "x-amz-max-parts", kind="int", doc="Parts per response."),
        Param(
            "PartNumberMarker",
            "header",
            "x-amz-part-number-marker",
            kind="int",
            doc="The part number after which the list starts.",
        ),
        *cos.CUSTOMER_KEY,
    ),
    flag="attributes",
    result=Shape(
        "GetObjectAttributesResponse",
        (
            Shape("ETag", optional=True, doc="Without quotes."),
            Shape("Checksum", (*_SUMS.values(), _KIND), optional=True, type="ObjectChecksum"),
            Shape(
                "ObjectParts",
                (
                    Shape("PartsCount"),
                    Shape("PartNumberMarker"),
                    Shape("NextPartNumberMarker"),
                    Shape("MaxParts"),
                    Shape("IsTruncated", doc="`true` or `false`."),
                    Shape(
                        "Part",
                        (Shape("PartNumber"), Shape("Size"), *_SUMS.values()),
                        many=True,
                        type="ObjectPart",
                    ),
                ),
                optional=True,
                type="ObjectParts",
            ),
            Shape("StorageClass", optional=True),
            Shape("ObjectSize", optional=True),
        ),
        namespace=NAMESPACE,
    ),
    permission="OWNER",
    page="GetObjectAttributes",
    doc="Return the requested attributes of an object, such as its parts and checksums.",
)

_ACCESS_CONTROL = _shape(
    cos.ACCESS_CONTROL,
    "AccessControlList.Grant.Grantee",
    EmailAddress=Shape("EmailAddress", optional=True),
)
_SIZES = {
    tag: Shape(tag, optional=True, kind="int | str", doc="Bytes.")
    for tag in ("ObjectSizeGreaterThan", "ObjectSizeLessThan")
}
_KEPT = Shape("NewerNoncurrentVersions", optional=True, kind="int | str")
_LIFECYCLE = cos.LIFECYCLE
for _path, _children in (
    ("Rule.Filter", _SIZES),
    ("Rule.Filter.And", _SIZES),
    ("Rule.NoncurrentVersionTransition", {"NewerNoncurrentVersions": _KEPT}),
    ("Rule.NoncurrentVersionExpiration", {"NewerNoncurrentVersions": _KEPT}),
):
    _LIFECYCLE = _shape(_LIFECYCLE, _path, **_children)
_MFA = ("Enabled", "Disabled")
_VERSIONING = _shape(
    cos.VERSIONING,
    MfaDelete=Shape("MfaDelete", optional=True, choices=_MFA),
)
_CORS = _shape(cos.CORS, ResponseVary=None)
PUT_BUCKET_VERSIONING = _row(
    cos.PUT_BUCKET_VERSIONING,
    Param(
        "MfaDelete",
        "xml",
        "MfaDelete",
        choices=_MFA,
        doc="The state of MFA delete, always `Disabled`.",
    ),
    body=_VERSIONING,
)
PUT_BUCKET_CORS = _row(cos.PUT_BUCKET_CORS, body=_CORS)
GET_BUCKET_CORS = _row(cos.GET_BUCKET_CORS, result=_CORS)
PUT_OBJECT_ACL = _row(cos.PUT_OBJECT_ACL, body=_ACCESS_CONTROL)
PUT_BUCKET_ACL = _row(cos.PUT_BUCKET_ACL, body=_ACCESS_CONTROL)
PUT_BUCKET_LIFECYCLE = _row(
    cos.PUT_BUCKET_LIFECYCLE,
    Param(
        "TransitionDefaultMinimumObjectSize",
        "header",
        SMALLEST_HEADER,
        choices=SMALLEST_KINDS,
        doc="The minimum size of an object that changes its storage class.",
    ),
    body=_LIFECYCLE,
)
GET_BUCKET_LIFECYCLE = _row(cos.GET_BUCKET_LIFECYCLE, result=_LIFECYCLE)

# Rows with the same form in both dialects.
_SAME = (
    cos.GET_OBJECT_ACL,
    cos.PUT_OBJECT_TAGGING,
    cos.GET_OBJECT_TAGGING,
    cos.DELETE_OBJECT_TAGGING,
    cos.HEAD_BUCKET,
    cos.DELETE_BUCKET,
    cos.GET_BUCKET_LOCATION,
    cos.GET_BUCKET_VERSIONING,
    cos.GET_BUCKET_ACL,
    cos.DELETE_BUCKET_CORS,
    cos.DELETE_BUCKET_LIFECYCLE,
    cos.PUT_BUCKET_TAGGING,
    cos.GET_BUCKET_TAGGING,
    cos.DELETE_BUCKET_TAGGING,
    cos.PUT_BUCKET_POLICY,
    cos.GET_BUCKET_POLICY,
    cos.DELETE_BUCKET_POLICY,
)

S3_OPERATIONS: tuple[Operation, ...] = (
    LIST_OBJECTS,
    LIST_OBJECTS_V2,
    LIST_OBJECTS_VERSIONS,
    PUT_OBJECT,
    HEAD_OBJECT,
    GET_OBJECT,
    GET_OBJECT_ATTRIBUTES,
    COPY_OBJECT,
    DELETE_OBJECT,
    DELETE_OBJECTS,
    LIST_MULTIPART_UPLOADS,
    CREATE_MULTIPART_UPLOAD,
    UPLOAD_PART,
    UPLOAD_PART_COPY,
    LIST_PARTS,
    COMPLETE_MULTIPART_UPLOAD,
    ABORT_MULTIPART_UPLOAD,
    RESTORE_OBJECT,
    CREATE_BUCKET,
    LIST_BUCKETS,
    PUT_BUCKET_VERSIONING,
    PUT_BUCKET_CORS,
    GET_BUCKET_CORS,
    PUT_OBJECT_ACL,
    PUT_BUCKET_ACL,
    PUT_BUCKET_LIFECYCLE,
    GET_BUCKET_LIFECYCLE,
    *(_row(row) for row in _SAME),
    *SUBRESOURCES,
)
