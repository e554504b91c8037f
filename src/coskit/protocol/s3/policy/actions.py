"""The names of actions in policies of S3."""

from coskit.protocol.model import Operation

_PUT = ("putobject",)
_GET = ("getobject", "getobjectversion")
_GET_TIERING = ("getintelligenttieringconfiguration",)
_PUT_TIERING = ("putintelligenttieringconfiguration",)
# By the name of the row: the action on the bucket or the current object, and on a named version.
_ACTIONS: dict[str, tuple[str, ...]] = {
    "AppendObject": _PUT,
    "CompleteMultipartUpload": _PUT,
    "CopyObject": _PUT,
    "CreateMultipartUpload": _PUT,
    "DeleteBucketCors": ("putbucketcors",),
    "DeleteBucketEncryption": ("putencryptionconfiguration",),
    "DeleteBucketLifecycle": ("putlifecycleconfiguration",),
    "DeleteBucketOwnershipControls": ("putbucketownershipcontrols",),
    "DeleteBucketReplication": ("putreplicationconfiguration",),
    "DeleteBucketTagging": ("putbuckettagging",),
    "DeleteObject": ("deleteobject", "deleteobjectversion"),
    "DeleteObjects": ("deleteobject", "deleteobjectversion"),
    "DeleteObjectTagging": ("deleteobjecttagging", "deleteobjectversiontagging"),
    "DeletePublicAccessBlock": ("putbucketpublicaccessblock",),
    "GetBucketAccelerateConfiguration": ("getaccelerateconfiguration",),
    "GetBucketEncryption": ("getencryptionconfiguration",),
    "GetBucketIntelligenttiering": _GET_TIERING,
    "GetBucketIntelligenttieringV2": _GET_TIERING,
    "GetBucketLifecycle": ("getlifecycleconfiguration",),
    "GetBucketNotificationConfiguration": ("getbucketnotification",),
    "GetBucketReplication": ("getreplicationconfiguration",),
    "GetObject": _GET,
    "GetObjectAcl": ("getobjectacl", "getobjectversionacl"),
    "GetObjectLockConfiguration": ("getbucketobjectlockconfiguration",),
    "GetObjectTagging": ("getobjecttagging", "getobjectversiontagging"),
    "GetPublicAccessBlock": ("getbucketpublicaccessblock",),
    "HeadBucket": ("listbucket",),
    "HeadObject": _GET,
    "ListBucketIntelligenttieringConfigurations": _GET_TIERING,
    "ListBuckets": ("listallmybuckets",),
    "ListMultipartUploads": ("listbucketmultipartuploads",),
    "ListObjects": ("listbucket",),
    "ListObjectsV2": ("listbucket",),
    "ListObjectsVersions": ("listbucketversions",),
    "ListParts": ("listmultipartuploadparts",),
    "PutBucketAccelerateConfiguration": ("putaccelerateconfiguration",),
    "PutBucketEncryption": ("putencryptionconfiguration",),
    "PutBucketIntelligenttiering": _PUT_TIERING,
    "PutBucketIntelligenttieringV2": _PUT_TIERING,
    "PutBucketLifecycle": ("putlifecycleconfiguration",),
    "PutBucketNotificationConfiguration": ("putbucketnotification",),
    "PutBucketReplication": ("putreplicationconfiguration",),
    "PutObjectAcl": ("putobjectacl", "putobjectversionacl"),
    "PutObjectLockConfiguration": ("putbucketobjectlockconfiguration",),
    "PutObjectTagging": ("putobjecttagging", "putobjectversiontagging"),
    "PutPublicAccessBlock": ("putbucketpublicaccessblock",),
    "UploadPart": _PUT,
    "UploadPartCopy": _PUT,
}


def s3_actions(operation: Operation, *, of_version: bool) -> tuple[str, ...]:
    """Return the lower-case names of all actions that have to be allowed for a request.

    Args:
        operation: the row.
        of_version: whether the request names a version.
    """
    if operation.name == "GetObjectAttributes":
        suffix = "version" if of_version else ""
        return f"getobject{suffix}", f"getobject{suffix}attributes"
    names = _ACTIONS.get(operation.name, (operation.name.lower(),))
    return (names[-1] if of_version else names[0],)
