"""Client side of the documents: COS parameters to S3, and S3 results to COS."""

from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from coskit.protocol.codec.xml.document import items
from coskit.protocol.messages import encode_text
from coskit.protocol.s3.documents.server import Fields, acl, lifecycle
from coskit.protocol.s3.names import class_to_s3, group_to_cos, group_to_s3, known_class


def params_to_s3(name: str, params: Fields) -> Fields:
    """Return the S3 parameters for COS parameters, as the inverse of `server.params_to_cos`.

    Args:
        name: the row's name.
        params: the COS parameters; malformed ones stay unchanged.
    """
    change = _PARAMS.get(name)
    try:
        return change(params) if change else params
    except (AttributeError, KeyError, TypeError, ValueError):
        return params  # the encoder raises a better error


def result_to_cos(name: str, result: Fields) -> Fields:
    """Return the COS result for an S3 result, as the inverse of `server.result_to_s3`.

    Args:
        name: the row's name.
        result: the decoded result, with the headers' COS names.
    """
    change = _RESULTS.get(name)
    return change(result) if change else result


def _acl_params(params: Fields) -> Fields:
    policy = params.get("AccessControlPolicy")
    return {**params, "AccessControlPolicy": acl(policy, group_to_s3)} if policy else params


def _acl_result(result: Fields) -> Fields:
    acls = acl({"AccessControlList": {}, **result}, group_to_cos)
    return {**acls, "Grant": acls["AccessControlList"]["Grant"]}


def _lifecycle_params(params: Fields) -> Fields:
    document = lifecycle(params["LifecycleConfiguration"], class_to_s3)
    return {**params, "LifecycleConfiguration": document}


def _restore_params(params: Fields) -> Fields:
    request = dict(params["RestoreRequest"])
    if job := request.pop("CASJobParameters", None):
        request["GlacierJobParameters"] = job
    return {**params, "RestoreRequest": request}


def _named(tag: str) -> Callable[[Fields], Fields]:
    """Return a function that renames the storage classes of a listing's entries."""

    def change(result: Fields) -> Fields:
        for item in result.get(tag, ()):
            item["StorageClass"] = known_class(item.get("StorageClass", "STANDARD"))
        return result

    return change


def _objects(result: Fields) -> Fields:
    # S3 sends NextMarker only with a delimiter, and rclone without percent-encoding. The last key
    # or prefix is the same marker.
    encoded = "EncodingType" in result
    keys = [item["Key"] for item in result.get("Contents", ())]
    keys += [item["Prefix"] for item in result.get("CommonPrefixes", ())]
    if keys and result.get("IsTruncated") == "true" and not (encoded and "NextMarker" in result):
        result["NextMarker"] = max(keys, key=_decoded_order if encoded else encode_text)
    return _named("Contents")(result)


def _decoded_order(encoded: str) -> bytes:
    """Return the sort key of a percent-encoded key."""
    return unquote_to_bytes(encoded.replace("+", " "))


def _copy_made(result: Fields) -> Fields:
    version = result.get("x-cos-version-id")
    return {**result, "VersionId": version} if version else result


def _parts_result(result: Fields) -> Fields:
    return {**result, "StorageClass": known_class(result.get("StorageClass", "STANDARD"))}


def _buckets_result(result: Fields) -> Fields:
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
    found = {name: value for name, value in result.items() if name != "ContinuationToken"}
    found["Buckets"] = {"Bucket": buckets} if buckets else None
    found["IsTruncated"] = "true" if more else "false"
    return {**found, "NextMarker": more} if more else found


_PARAMS: dict[str, Callable[[Fields], Fields]] = {
    "PutBucketAcl": _acl_params,
    "PutBucketLifecycle": _lifecycle_params,
    "PutObjectAcl": _acl_params,
    "RestoreObject": _restore_params,
}
_RESULTS: dict[str, Callable[[Fields], Fields]] = {
    "CopyObject": _copy_made,
    "GetBucketAcl": _acl_result,
    "GetBucketLifecycle": lambda result: lifecycle(result, known_class),
    "GetObjectAcl": _acl_result,
    "ListBuckets": _buckets_result,
    "ListMultipartUploads": _named("Upload"),
    "ListObjects": _objects,
    "ListObjectsVersions": _named("Version"),
    "ListParts": _parts_result,
}
