"""Where the dialects differ in what they demand, rather than in how they say it."""

from collections.abc import Callable
from dataclasses import dataclass

from coskit.protocol.errors import CosServiceError, NoSuchKey, PreconditionFailed


@dataclass(frozen=True, slots=True)
class DialectRules:
    """What a handler heeds beside the parameters.

    Attributes:
        longest_delimiter: characters that the delimiter of a listing may have.
        smallest_part: bytes that a part before the last needs.
        has_gaps: whether the numbers of completed parts may leave some out.
        lacking: what a demand for a certain object raises where there is none.
        shows_markers: whether naming a delete marker by its id is answered 405 instead of 404.
        shortest_bucket_name: characters that the name of a new bucket needs.
        longest_bucket_name: characters that the name of a new bucket may have.
        has_dots: whether the name of a new bucket may have dots in it.
        completes_again: whether completing an upload that made the live object succeeds again.
        has_checksums: whether answers tell the checksums that COS does not know.
        has_common_acls: whether the canned ACLs of buckets are for objects too.
        mixes_acls: whether a canned ACL and grants may stand side by side, and whether an empty or
            `default` one asks for the default.
        may_create_again: whether its owner may create a bucket again as it is, naming no region.
        may_restate: whether naming a storage class or an encryption is enough to copy an object
            onto itself.
        ends_uploads: whether unfinished uploads go with their bucket instead of keeping it.
        counts_tags: whether answers tell how many tags an object has.
        tells_expiry: whether answers tell when lifecycle rules will remove an object.
        faults_preflights: whether a preflight that asks nothing is malformed, not forbidden.
        knows_grantees: whether an ACL may name only accounts that there are.
        inherits_acls: whether an object that is stored without an ACL has its bucket's, rather than
            a private one.
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
