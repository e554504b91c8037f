"""Server side of the documents: S3 parameters to COS, and COS results to S3."""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from coskit.protocol.bucket.lifecycle import DAY
from coskit.protocol.bucket.lifecycle_document import SMALLEST_KINDS
from coskit.protocol.codec.dates import parse_iso_date
from coskit.protocol.codec.xml.document import items
from coskit.protocol.errors import InvalidArgument, UnresolvableGrantByEmailAddress
from coskit.protocol.s3.errors import code_to_s3
from coskit.protocol.s3.names import (
    class_to_cos,
    class_to_s3,
    group_to_cos,
    group_to_s3,
    words_to_s3,
)

Fields = dict[str, Any]


def params_to_cos(name: str, params: Fields) -> Fields:
    """Return the COS parameters for S3 parameters, as handlers expect them.

    Args:
        name: the row's name.
        params: the S3 parameters by name.

    Raises:
        InvalidStorageClass: a document names a class without an equivalent in COS.
    """
    change = _PARAMS.get(name)
    return change(params) if change else params


def result_to_s3(name: str, result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the S3 result for the COS result of a handler.

    Args:
        name: the row's name.
        result: the handler's result, which is not modified.
    """
    change = _RESULTS.get(name)
    return change(dict(result)) if change else result


def _acl_params(params: Fields) -> Fields:
    policy = params.get("AccessControlPolicy")
    for grant in items((policy or {}).get("AccessControlList"), "Grant"):
        if (grant.get("Grantee") or {}).get("EmailAddress"):
            raise UnresolvableGrantByEmailAddress
    return {**params, "AccessControlPolicy": acl(policy, group_to_cos)} if policy else params


def _acl_result(result: Fields) -> Fields:
    """Return an ACL in the form of S3: groups first, and a default ACL with the owner's grant."""
    by_default = result.pop("x-cos-acl", "") == "default"
    policy = acl(result, group_to_s3)
    grants = policy["AccessControlList"]["Grant"]
    if by_default:
        owner = {"Type": "CanonicalUser", **result["Owner"]}
        grants.append({"Grantee": owner, "Permission": "FULL_CONTROL"})
    grants.sort(key=lambda grant: "URI" not in grant["Grantee"])
    return policy


def acl(policy: Mapping[str, Any], rename: Callable[[str], str]) -> Fields:
    """Return an access control policy with its groups renamed."""
    listed = policy.get("AccessControlList")
    if listed is None:
        return dict(policy)
    grants = [
        {**grant, "Grantee": {**grantee, "URI": rename(grantee["URI"])}}
        if (grantee := grant.get("Grantee") or {}).get("URI")
        else grant
        for grant in items(listed, "Grant")
    ]
    return {**policy, "AccessControlList": {**listed, "Grant": grants}}


def lifecycle(document: Mapping[str, Any], rename: Callable[[str], str]) -> Fields:
    """Return lifecycle rules with their storage classes renamed."""
    rules = []
    for rule in items(document, "Rule"):
        changed = dict(rule)
        for name in ("Transition", "NoncurrentVersionTransition"):
            if name in rule:
                changed[name] = [
                    {**move, "StorageClass": rename(move.get("StorageClass", ""))}
                    for move in items(rule, name)
                ]
        rules.append(changed)
    return {**document, "Rule": rules}


def _lifecycle_params(params: Fields) -> Fields:
    document = lifecycle(params["LifecycleConfiguration"], class_to_cos)
    taken = {rule.get("ID") for rule in document["Rule"]}
    fresh = (name for number in count(1) if (name := f"rule-{number}") not in taken)
    for rule in document["Rule"]:
        rule["ID"] = rule.get("ID") or next(fresh)
        for action in (rule.get("Expiration") or {}, *items(rule, "Transition")):
            moment = parse_iso_date(str(action.get("Date") or ""))
            if moment is not None and moment % DAY:
                raise InvalidArgument("'Date' must be at midnight GMT")
    smallest = {"TransitionDefaultMinimumObjectSize": SMALLEST_KINDS[0]}
    return {**smallest, **params, "LifecycleConfiguration": document}


def _listing_params(params: Fields) -> Fields:
    if params.get("EncodingType", "url") != "url":
        raise InvalidArgument("Invalid Encoding Method specified in Request")
    if params.get("VersionIdMarker") and not params.get("KeyMarker"):
        raise InvalidArgument("A version-id marker cannot be specified without a key marker.")
    return params


def _restore_params(params: Fields) -> Fields:
    request = dict(params["RestoreRequest"])
    job = request.pop("GlacierJobParameters", None) or {"Tier": request.pop("Tier", "Standard")}
    return {**params, "RestoreRequest": {**request, "CASJobParameters": job}}


def _classed(tag: str) -> Callable[[Fields], Fields]:
    """Return a function that renames the storage classes of a listing's entries."""

    def change(result: Fields) -> Fields:
        for item in result[tag]:
            name = item["StorageClass"]
            if name != "STANDARD":
                item["StorageClass"] = class_to_s3(name)
        return result

    return change


def _versions(result: Fields) -> Fields:
    for tag in ("Version", "DeleteMarker"):
        for item in result[tag]:
            item["VersionId"] = item["VersionId"] or "null"
    return _classed("Version")(result)


def _parts(result: Fields) -> Fields:
    return {**result, "StorageClass": class_to_s3(result["StorageClass"])}


def _attributes(result: Fields) -> Fields:
    name = result.get("StorageClass")
    return {**result, "StorageClass": class_to_s3(name)} if name else result


def _copied(result: Fields) -> Fields:
    if version := result.pop("VersionId", None):
        result["x-cos-version-id"] = version
    result.pop("CRC64", None)
    return result


def _deleted(result: Fields) -> Fields:
    errors = [
        {**item, "Code": code_to_s3(item["Code"]), "Message": words_to_s3(item["Message"])}
        for item in items(result, "Error")
    ]
    return {**result, "Error": errors}


def _completed(result: Fields) -> Fields:
    """Return the result of a completed upload, without the version id `null`."""
    if result.get("x-cos-version-id") == "null":
        del result["x-cos-version-id"]
    return result


def _tags(result: Fields) -> Fields:
    """Return tags sorted by key, as S3 does."""
    listed = sorted(items(result.get("TagSet"), "Tag"), key=lambda tag: str(tag["Key"]))
    return {**result, "TagSet": {"Tag": listed}}


def _buckets(result: Fields) -> Fields:
    listed = items(result.get("Buckets"), "Bucket")
    buckets = [
        {
            "Name": bucket["Name"],
            "CreationDate": bucket["CreationDate"],
            "BucketRegion": bucket["Location"],
        }
        for bucket in listed
    ]
    listing = {"Owner": result["Owner"], "Buckets": {"Bucket": buckets}}
    if "NextMarker" not in result:
        return listing
    return {**listing, "ContinuationToken": result["NextMarker"]}


_PARAMS: dict[str, Callable[[Fields], Fields]] = {
    "ListMultipartUploads": _listing_params,
    "ListObjects": _listing_params,
    "ListObjectsV2": _listing_params,
    "ListObjectsVersions": _listing_params,
    "PutBucketAcl": _acl_params,
    "PutBucketLifecycle": _lifecycle_params,
    "PutObjectAcl": _acl_params,
    "RestoreObject": _restore_params,
}
_RESULTS: dict[str, Callable[[Fields], Fields]] = {
    "CompleteMultipartUpload": _completed,
    "CopyObject": _copied,
    "DeleteObjects": _deleted,
    "GetBucketAcl": _acl_result,
    "GetBucketLifecycle": lambda result: lifecycle(result, class_to_s3),
    "GetObjectAcl": _acl_result,
    "GetObjectAttributes": _attributes,
    "GetObjectTagging": _tags,
    "ListBuckets": _buckets,
    "ListMultipartUploads": _classed("Upload"),
    "ListObjects": _classed("Contents"),
    "ListObjectsV2": _classed("Contents"),
    "ListObjectsVersions": _versions,
    "ListParts": _parts,
}
