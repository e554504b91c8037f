"""The requirements in which the dialects differ, apart from spelling."""

from collections.abc import Callable
from dataclasses import dataclass

from coskit.protocol.errors import CosServiceError, NoSuchKey, PreconditionFailed


@dataclass(frozen=True, slots=True)
class DialectRules:
    """The rules of a dialect that handlers apply.

    Attributes:
        max_delimiter_length: characters that the delimiter of a listing may have.
        min_part_size: bytes that a part before the last one needs.
        allows_part_gaps: whether the numbers of completed parts may leave some out.
        missing_object_error: the error for a condition on an object that does not exist.
        refuses_marker_with_405: whether a delete marker named by its id gets 405 instead of 404.
        min_bucket_name_length: characters that the name of a new bucket needs.
        max_bucket_name_length: characters that the name of a new bucket may have.
        allows_dots_in_bucket_name: whether the name of a new bucket may contain dots.
        allows_repeated_completion: whether completing the upload that made the current object
            succeeds again.
        returns_checksums: whether responses carry the checksums that COS does not have.
        shares_canned_acls: whether objects may have the canned ACLs of buckets.
        allows_canned_acl_with_grants: whether a canned ACL and grants may be sent together, and
            whether an empty or `default` ACL asks for the default.
        allows_repeated_creation: whether the owner may create an existing bucket again with the
            same settings, if the request names no region.
        allows_restating_copy: whether a copy onto itself may name a storage class or an encryption
            as its only change.
        aborts_uploads_with_bucket: whether deleting a bucket aborts its unfinished uploads;
            otherwise they keep the bucket.
        requires_known_grantees: whether an ACL may name existing accounts only.
        inherits_bucket_acl: whether an object stored without an ACL inherits its bucket's ACL;
            otherwise the object is private.
        returns_tag_count: whether responses carry the number of an object's tags.
        returns_expiration: whether responses say when lifecycle rules will remove an object.
        refuses_empty_preflight: whether a preflight without Origin and method is malformed rather
            than forbidden.
    """

    max_delimiter_length: int
    min_part_size: int
    allows_part_gaps: bool
    missing_object_error: Callable[[], CosServiceError]
    refuses_marker_with_405: bool
    min_bucket_name_length: int
    max_bucket_name_length: int
    allows_dots_in_bucket_name: bool
    allows_repeated_completion: bool
    returns_checksums: bool
    shares_canned_acls: bool
    allows_canned_acl_with_grants: bool
    allows_repeated_creation: bool
    allows_restating_copy: bool
    aborts_uploads_with_bucket: bool
    requires_known_grantees: bool
    inherits_bucket_acl: bool
    returns_tag_count: bool
    returns_expiration: bool
    refuses_empty_preflight: bool


COS_RULES = DialectRules(
    max_delimiter_length=1,
    min_part_size=1 << 20,
    allows_part_gaps=False,
    missing_object_error=PreconditionFailed,
    refuses_marker_with_405=False,
    min_bucket_name_length=1,
    max_bucket_name_length=50,
    allows_dots_in_bucket_name=False,
    allows_repeated_completion=False,
    returns_checksums=False,
    shares_canned_acls=False,
    allows_canned_acl_with_grants=True,
    allows_repeated_creation=False,
    allows_restating_copy=False,
    aborts_uploads_with_bucket=False,
    requires_known_grantees=False,
    inherits_bucket_acl=True,
    returns_tag_count=False,
    returns_expiration=False,
    refuses_empty_preflight=False,
)
S3_RULES = DialectRules(
    max_delimiter_length=1024,
    min_part_size=5 << 20,
    allows_part_gaps=True,
    missing_object_error=NoSuchKey,
    refuses_marker_with_405=True,
    min_bucket_name_length=3,
    max_bucket_name_length=63,
    allows_dots_in_bucket_name=True,
    allows_repeated_completion=True,
    returns_checksums=True,
    shares_canned_acls=True,
    allows_canned_acl_with_grants=False,
    allows_repeated_creation=True,
    allows_restating_copy=True,
    aborts_uploads_with_bucket=True,
    requires_known_grantees=True,
    inherits_bucket_acl=False,
    returns_tag_count=True,
    returns_expiration=True,
    refuses_empty_preflight=True,
)
