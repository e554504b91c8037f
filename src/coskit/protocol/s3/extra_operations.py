"""The rows of the S3 sub-resources of buckets and objects that COS does not have."""

from typing import Any

from coskit.protocol.bucket_settings import BUCKET
from coskit.protocol.model import TRUTHS, Operation, Param, Shape
from coskit.protocol.operations import KEY, VERSION_ID
from coskit.protocol.s3.documents.object_lock import HOLDS, MODES

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

LOCK_PARAMS = (
    Param(
        "ObjectLockMode",
        "header",
        "x-amz-object-lock-mode",
        doc="The retention mode, `GOVERNANCE` or `COMPLIANCE`.",
    ),
    Param(
        "ObjectLockRetainUntilDate",
        "header",
        "x-amz-object-lock-retain-until-date",
        doc="The end of the retention, in ISO 8601.",
    ),
    Param(
        "ObjectLockLegalHoldStatus",
        "header",
        "x-amz-object-lock-legal-hold",
        doc="The legal hold: `ON` protects the version until it is `OFF`.",
    ),
)
BYPASS = Param(
    "BypassGovernanceRetention",
    "header",
    "x-amz-bypass-governance-retention",
    doc="`true` bypasses a retention of the mode GOVERNANCE.",
)
LOCK_ENABLED = Param(
    "ObjectLockEnabledForBucket",
    "header",
    "x-amz-bucket-object-lock-enabled",
    doc="`true` creates a bucket with versioning and object lock.",
)
OWNERSHIPS = ("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter")
OWNERSHIP = Param(
    "ObjectOwnership",
    "header",
    "x-amz-object-ownership",
    doc="`BucketOwnerEnforced`, `BucketOwnerPreferred` or `ObjectWriter`.",
)

# Not a request: the permission to bypass a retention of the mode GOVERNANCE.
BYPASS_GOVERNANCE = Operation(
    "BypassGovernanceRetention", "DELETE", (BUCKET, KEY), permission="OWNER"
)


def _document(tag: str, *children: Shape) -> Shape:
    return Shape(tag, children, namespace=NAMESPACE, type=tag)


def _whole(shape: Shape) -> Param:
    return Param(shape.tag, "xml", kind=shape.tag, required=True, doc="The document.")


def _getting(name: str, flag: str, shape: Shape, doc: str, **fields: Any) -> Operation:
    given = {"params": (BUCKET,), "on": "bucket", "permission": "OWNER", **fields}
    return Operation(name, "GET", flag=flag, result=shape, page=name, doc=doc, **given)


def _putting(name: str, flag: str, shape: Shape, doc: str, **fields: Any) -> Operation:
    given = {"params": (BUCKET, _whole(shape)), "on": "bucket", **fields}
    return Operation(
        name, "PUT", flag=flag, body=shape, returns="none", permission="OWNER", page=name,
        doc=doc, **given
    )  # fmt: skip


def _deleting(name: str, flag: str, doc: str) -> Operation:
    return Operation(
        name, "DELETE", (BUCKET,), flag=flag, returns="none", status=(204, 200),
        permission="OWNER", on="bucket", page=name, doc=doc,
    )  # fmt: skip


_LOCK_CONFIGURATION = _document(
    "ObjectLockConfiguration",
    Shape("ObjectLockEnabled", optional=True, choices=("Enabled",)),
    Shape(
        "Rule",
        (
            Shape(
                "DefaultRetention",
                (
                    Shape("Mode", optional=True, choices=MODES),
                    Shape("Days", optional=True),
                    Shape("Years", optional=True),
                ),
                optional=True,
                type="DefaultRetention",
            ),
        ),
        optional=True,
        type="ObjectLockRule",
    ),
)
_RETENTION = _document(
    "Retention",
    Shape("Mode", optional=True, choices=MODES),
    Shape("RetainUntilDate", optional=True),
)
_HOLD = _document("LegalHold", Shape("Status", optional=True, choices=HOLDS))
_ACCESS_BLOCK = _document(
    "PublicAccessBlockConfiguration",
    *(
        Shape(tag, optional=True, choices=TRUTHS, doc="`true` or `false`.")
        for tag in (
            "BlockPublicAcls",
            "IgnorePublicAcls",
            "BlockPublicPolicy",
            "RestrictPublicBuckets",
        )
    ),
)
_OWNERSHIP = _document(
    "OwnershipControls",
    Shape(
        "Rule",
        (Shape("ObjectOwnership", choices=OWNERSHIPS),),
        many=True,
        type="OwnershipControlsRule",
    ),
)
_ENCRYPTION = _document(
    "ServerSideEncryptionConfiguration",
    Shape(
        "Rule",
        (
            Shape(
                "ApplyServerSideEncryptionByDefault",
                (Shape("SSEAlgorithm"), Shape("KMSMasterKeyID", optional=True)),
                optional=True,
                type="ServerSideEncryptionByDefault",
            ),
            Shape("BucketKeyEnabled", optional=True, choices=TRUTHS),
        ),
        many=True,
        type="ServerSideEncryptionRule",
    ),
)
_PAYMENT = _document(
    "RequestPaymentConfiguration", Shape("Payer", choices=("BucketOwner", "Requester"))
)
_OF_VERSION: dict[str, Any] = {"params": (BUCKET, KEY, VERSION_ID), "on": "object"}

_LOCK_ROWS = (
    _putting(
        "PutObjectLockConfiguration",
        "object-lock",
        _LOCK_CONFIGURATION,
        "Enable object lock on a bucket for good, with a default retention if one is given.",
    ),
    _getting(
        "GetObjectLockConfiguration",
        "object-lock",
        _LOCK_CONFIGURATION,
        "Return the object lock of a bucket and its default retention.",
    ),
    _putting(
        "PutObjectRetention",
        "retention",
        _RETENTION,
        "Set the retention of a version.",
        params=(BUCKET, KEY, _whole(_RETENTION), VERSION_ID, BYPASS),
    ),
    _getting(
        "GetObjectRetention",
        "retention",
        _RETENTION,
        "Return the retention of a version.",
        **_OF_VERSION,
    ),
    _putting(
        "PutObjectLegalHold",
        "legal-hold",
        _HOLD,
        "Set or release the legal hold on a version.",
        params=(BUCKET, KEY, _whole(_HOLD), VERSION_ID),
    ),
    _getting(
        "GetObjectLegalHold",
        "legal-hold",
        _HOLD,
        "Return the legal hold on a version.",
        **_OF_VERSION,
    ),
)
_ACCESS_ROWS = (
    _putting(
        "PutPublicAccessBlock",
        "publicAccessBlock",
        _ACCESS_BLOCK,
        "Replace the public access block of a bucket.",
    ),
    _getting(
        "GetPublicAccessBlock",
        "publicAccessBlock",
        _ACCESS_BLOCK,
        "Return the public access block of a bucket.",
    ),
    _deleting(
        "DeletePublicAccessBlock",
        "publicAccessBlock",
        "Delete the public access block of a bucket.",
    ),
    _putting(
        "PutBucketOwnershipControls",
        "ownershipControls",
        _OWNERSHIP,
        "Replace the ownership controls of a bucket.",
    ),
    _getting(
        "GetBucketOwnershipControls",
        "ownershipControls",
        _OWNERSHIP,
        "Return the ownership controls of a bucket.",
    ),
    _deleting(
        "DeleteBucketOwnershipControls",
        "ownershipControls",
        "Delete the ownership controls of a bucket.",
    ),
    _getting(
        "GetBucketPolicyStatus",
        "policyStatus",
        _document("PolicyStatus", Shape("IsPublic", doc="`true` or `false`.")),
        "Return whether a bucket's policy makes the bucket public.",
    ),
)
_SETTING_ROWS = (
    _putting(
        "PutBucketEncryption",
        "encryption",
        _ENCRYPTION,
        "Replace the default encryption of a bucket.",
    ),
    _getting(
        "GetBucketEncryption",
        "encryption",
        _ENCRYPTION,
        "Return the default encryption of a bucket.",
    ),
    _deleting("DeleteBucketEncryption", "encryption", "Delete the default encryption of a bucket."),
    _putting(
        "PutBucketRequestPayment",
        "requestPayment",
        _PAYMENT,
        "Set who pays for requests: always the owner.",
    ),
    _getting(
        "GetBucketRequestPayment", "requestPayment", _PAYMENT, "Return who pays for requests."
    ),
    _getting(
        "GetBucketAccelerateConfiguration",
        "accelerate",
        _document("AccelerateConfiguration", Shape("Status", optional=True)),
        "Return that there is no acceleration.",
    ),
    _getting(
        "GetBucketLogging",
        "logging",
        _document("BucketLoggingStatus", Shape("LoggingEnabled", optional=True)),
        "Return that no logs are delivered.",
    ),
    _getting(
        "GetBucketNotificationConfiguration",
        "notification",
        _document("NotificationConfiguration", Shape("TopicConfiguration", optional=True)),
        "Return that there are no notifications.",
    ),
    _getting(
        "GetBucketReplication",
        "replication",
        _document("ReplicationConfiguration", Shape("Role", optional=True)),
        "Return that nothing is replicated.",
    ),
    _getting(
        "GetBucketWebsite",
        "website",
        _document("WebsiteConfiguration", Shape("IndexDocument", optional=True)),
        "Return that the bucket is no website.",
    ),
)
# Rows without a handler: requests that would change such a setting get a 501.
_NOT_DONE = tuple(
    Operation(f"{verb}Bucket{name}", method, (BUCKET,), flag=flag, permission="OWNER", on="bucket")
    for name, flag in (
        ("AccelerateConfiguration", "accelerate"),
        ("Logging", "logging"),
        ("NotificationConfiguration", "notification"),
        ("Replication", "replication"),
        ("Website", "website"),
    )
    for verb, method in (("Put", "PUT"), ("Delete", "DELETE"))
)

SUBRESOURCES = (*_LOCK_ROWS, *_ACCESS_ROWS, *_SETTING_ROWS, *_NOT_DONE)

_NAMED = {row.name: row for row in SUBRESOURCES}
GET_OBJECT_RETENTION = _NAMED["GetObjectRetention"]
GET_OBJECT_LEGAL_HOLD = _NAMED["GetObjectLegalHold"]
