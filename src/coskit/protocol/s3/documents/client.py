"""What stands in documents, for who asks: parameters from COS to S3, results from S3 to COS."""

from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from coskit.protocol.codec.xml.document import items
from coskit.protocol.messages import encode_text
from coskit.protocol.s3.documents.server import Fields, acl, lifecycle
from coskit.protocol.s3.names import class_to_s3, group_to_cos, group_to_s3, known_class


def params_to_s3(name: str, params: Fields) -> Fields:
    """Return the parameters of a row as S3 has them; the inverse of `documents.params_to_cos`.

    Args:
        name: the row's.
        params: as callers of COS give them; what is malformed stays so.
    """
    change = _PARAMS.get(name)
    try:
        return change(params) if change else params
    except (AttributeError, KeyError, TypeError, ValueError):
        return params  # whoever writes the document says better what is wrong with it


def result_to_cos(name: str, result: Fields) -> Fields:
    """Return the result that S3 told as COS tells it; the inverse of `documents.result_to_s3`.

    Args:
        name: the row's.
        result: as it was read, with the headers in the names of COS.
    """
    change = _RESULTS.get(name)
    return change(result) if change else result


def _acl_asked(params: Fields) -> Fields:
    policy = params.get("AccessControlPolicy")
    return {**params, "AccessControlPolicy": acl(policy, group_to_s3)} if policy else params


def _acl_told(result: Fields) -> Fields:
    told = acl({"AccessControlList": {}, **result}, group_to_cos)
    return {**told, "Grant": told["AccessControlList"]["Grant"]}


def _lifecycle_asked(params: Fields) -> Fields:
    document = lifecycle(params["LifecycleConfiguration"], class_to_s3)
    return {**params, "LifecycleConfiguration": document}


def _restore_asked(params: Fields) -> Fields:
    request = dict(params["RestoreRequest"])
    if job := request.pop("CASJobParameters", None):
        request["GlacierJobParameters"] = job
    return {**params, "RestoreRequest": request}


def _named(tag: str) -> Callable[[Fields], Fields]:
    """Return what renames the storage classes of a listing's entries, if it tells them."""

    def change(result: Fields) -> Fields:
        for item in result.get(tag, ()):
            item["StorageClass"] = known_class(item.get("StorageClass", "STANDARD"))
        return result

    return change


def _objects(result: Fields) -> Fields:
    # S3 tells it only where there is a delimiter, and rclone without the encoding of the other
    # keys: the last of them says the same.
    encoded = "EncodingType" in result
    told = [item["Key"] for item in result.get("Contents", ())]
    told += [item["Prefix"] for item in result.get("CommonPrefixes", ())]
    if told and result.get("IsTruncated") == "true" and not (encoded and "NextMarker" in result):
        result["NextMarker"] = max(told, key=_told_order if encoded else encode_text)
    return _named("Contents")(result)


def _told_order(encoded: str) -> bytes:
    """Return what percent-encoded keys are in order by."""
    return unquote_to_bytes(encoded.replace("+", " "))


def _copy_made(result: Fields) -> Fields:
    version = result.get("x-cos-version-id")
    return {**result, "VersionId": version} if version else result


def _parts_told(result: Fields) -> Fields:
    return {**result, "StorageClass": known_class(result.get("StorageClass", "STANDARD"))}


def _buckets_told(result: Fields) -> Fields:
    listed = items(result.get("Buckets"), "Bucket")
    buckets = [
        {
            "Name": bucket["Name"],
            "Location": bucket.get("BucketRegion", ""),
            "CreationDate": bucket.get("CreationDate", ""),
        }
        for bucket in listed
    ]
    more = result.get("ContinuationToken", "")
    told = {name: value for name, value in result.items() if name != "ContinuationToken"}
    told["Buckets"] = {"Bucket": buckets} if buckets else None
    told["IsTruncated"] = "true" if more else "false"
    return {**told, "NextMarker": more} if more else told


_PARAMS: dict[str, Callable[[Fields], Fields]] = {
    "PutBucketAcl": _acl_asked,
    "PutBucketLifecycle": _lifecycle_asked,
    "PutObjectAcl": _acl_asked,
    "RestoreObject": _restore_asked,
}
_RESULTS: dict[str, Callable[[Fields], Fields]] = {
    "CopyObject": _copy_made,
    "GetBucketAcl": _acl_told,
    "GetBucketLifecycle": lambda result: lifecycle(result, known_class),
    "GetObjectAcl": _acl_told,
    "ListBuckets": _buckets_told,
    "ListMultipartUploads": _named("Upload"),
    "ListObjects": _objects,
    "ListObjectsVersions": _named("Version"),
    "ListParts": _parts_told,
}
