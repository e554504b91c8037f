"""Where the dialects differ in what they demand, rather than in how they say it."""

from collections.abc import Callable
from dataclasses import dataclass

from coskit.protocol.errors import CosServiceError, NoSuchKey, PreconditionFailed


@dataclass(frozen=True, slots=True)
class Rules:
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

    longest_delimiter: int
    smallest_part: int
    has_gaps: bool
    lacking: Callable[[], CosServiceError]
    shows_markers: bool
    shortest_bucket_name: int
    longest_bucket_name: int
    has_dots: bool
    completes_again: bool
    has_checksums: bool
    has_common_acls: bool
    mixes_acls: bool
    may_create_again: bool
    may_restate: bool
    ends_uploads: bool
    knows_grantees: bool
    inherits_acls: bool
    counts_tags: bool
    tells_expiry: bool
    faults_preflights: bool


COS_RULES = Rules(
    longest_delimiter=1,
    smallest_part=1 << 20,
    has_gaps=False,
    lacking=PreconditionFailed,
    shows_markers=False,
    shortest_bucket_name=1,
    longest_bucket_name=50,
    has_dots=False,
    completes_again=False,
    has_checksums=False,
    has_common_acls=False,
    mixes_acls=True,
    may_create_again=False,
    may_restate=False,
    ends_uploads=False,
    knows_grantees=False,
    inherits_acls=True,
    counts_tags=False,
    tells_expiry=False,
    faults_preflights=False,
)
S3_RULES = Rules(
    longest_delimiter=1024,
    smallest_part=5 << 20,
    has_gaps=True,
    lacking=NoSuchKey,
    shows_markers=True,
    shortest_bucket_name=3,
    longest_bucket_name=63,
    has_dots=True,
    completes_again=True,
    has_checksums=True,
    has_common_acls=True,
    mixes_acls=False,
    may_create_again=True,
    may_restate=True,
    ends_uploads=True,
    knows_grantees=True,
    inherits_acls=False,
    counts_tags=True,
    tells_expiry=True,
    faults_preflights=True,
)
