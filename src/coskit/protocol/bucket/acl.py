"""Access control lists: grants as documents, headers and canned ACLs, and the check of a grant."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coskit.protocol.codec.xml.document import items
from coskit.protocol.errors import InvalidArgument
from coskit.protocol.operations import PERMISSIONS

ALL_USERS = "http://cam.qcloud.com/groups/global/AllUsers"
AUTHENTICATED_USERS = "http://cam.qcloud.com/groups/global/AuthenticatedUsers"
MAX_GRANTS = 100
_GRANTEE = re.compile(r'\s*(id|uin|uri)\s*=\s*"([^"]*)"\s*', re.IGNORECASE)
_BUCKET_CANNED: dict[str, tuple[tuple[str, str], ...]] = {
    "private": (),
    "public-read": ((ALL_USERS, "READ"),),
    "public-read-write": ((ALL_USERS, "READ"), (ALL_USERS, "WRITE")),
    "authenticated-read": ((AUTHENTICATED_USERS, "READ"),),
}
_OBJECT_CANNED: dict[str, tuple[tuple[str, str], ...]] = {
    "private": (),
    "public-read": ((ALL_USERS, "READ"),),
    "authenticated-read": ((AUTHENTICATED_USERS, "READ"),),
    "bucket-owner-read": (),
    "bucket-owner-full-control": (),
}


# The canned ACLs of S3 for its own services, which do not exist here.
_LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
_S3_CANNED: dict[str, tuple[tuple[str, str], ...]] = {
    "aws-exec-read": (),
    "log-delivery-write": ((_LOG_DELIVERY, "WRITE"), (_LOG_DELIVERY, "READ_ACP")),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission of a grantee, which is an account id or the URI of a group."""

    grantee: str
    permission: str


def canned_grants(
    name: str, *, on_bucket: bool, bucket_owner: str = "", anywhere: bool = False
) -> tuple[Grant, ...]:
    """Return the grants that a canned ACL adds to the owner's full control.

    Args:
        name: the canned ACL's name.
        on_bucket: whether the ACL is a bucket's, else an object's.
        bucket_owner: the account that owns the bucket.
        anywhere: whether to accept also the canned ACLs of the other kind and of S3's services.

    Raises:
        InvalidArgument: there is no canned ACL of that name.
    """
    canned = (_BUCKET_CANNED if on_bucket else _OBJECT_CANNED).get(name)
    if canned is None and anywhere:
        canned = (_S3_CANNED | (_OBJECT_CANNED if on_bucket else _BUCKET_CANNED)).get(name)
    if canned is None:
        raise InvalidArgument(f"x-cos-acl {name[:40]} is not a canned ACL")
    grants = [Grant(*pair) for pair in canned]
    if name.startswith("bucket-owner-") and not on_bucket:
        grants.append(
            Grant(bucket_owner, "READ" if name == "bucket-owner-read" else "FULL_CONTROL")
        )
    return tuple(grants)


def header_grants(permission: str, value: str) -> tuple[Grant, ...]:
    """Return the grants of one `x-cos-grant-*` header, `id="<uin>"[,id="<uin>"]`.

    Raises:
        InvalidArgument: the header is not of that form.
    """
    grants = []
    for item in value.split(","):
        found = _GRANTEE.fullmatch(item)
        if not found:
            raise InvalidArgument(f'A grant is of the form id="<uin>", not {item.strip()[:60]}')
        grants.append(Grant(account_id(found[2]), permission))
    return tuple(grants)


def document_grants(policy: Mapping[str, Any]) -> tuple[Grant, ...]:
    """Return the grants of an AccessControlPolicy dict, with grantees by URI or ID.

    Raises:
        InvalidArgument: a grant lacks a grantee or has an unknown permission.
    """
    grants = []
    for item in items(policy.get("AccessControlList"), "Grant"):
        who = _grantee(item.get("Grantee") or {})
        permission = item.get("Permission")
        if not who or permission not in PERMISSIONS:
            raise InvalidArgument("A grant needs a Grantee with ID or URI and a known Permission")
        grants.append(Grant(who, permission))
    if len(grants) > MAX_GRANTS:
        raise InvalidArgument(f"An ACL holds at most {MAX_GRANTS} grants")
    return tuple(grants)


def _grantee(grantee: Mapping[str, Any]) -> str:
    """Return the grantee; if it has an ID and a URI, the type decides which one counts."""
    group, account = grantee.get("URI") or "", account_id(grantee.get("ID") or "")
    if not (group and account):
        return group or account
    kind = grantee.get("Type")
    if kind not in ("Group", "CanonicalUser"):
        raise InvalidArgument("A Grantee with an ID and a URI must be a CanonicalUser or a Group")
    return group if kind == "Group" else account


def policy_document(owner: str, grants: Sequence[Grant]) -> dict[str, Any]:
    """Return the AccessControlPolicy dict of an ACL, which `document_grants` reads."""
    return {
        "Owner": {"ID": owner, "DisplayName": owner},
        "AccessControlList": {"Grant": [_grant_item(grant) for grant in grants]},
    }


def _grant_item(grant: Grant) -> dict[str, Any]:
    if grant.grantee.startswith("http"):
        grantee = {"Type": "Group", "URI": grant.grantee}
    else:
        grantee = {"Type": "CanonicalUser", "ID": grant.grantee, "DisplayName": grant.grantee}
    return {"Grantee": grantee, "Permission": grant.permission}


def canned_acl(policy: Mapping[str, Any]) -> str:
    """Return the canned ACL that an ACL is equal to, by the rules of the vendor's SDK."""
    grants = items(policy.get("AccessControlList"), "Grant")
    if policy.get("x-cos-acl") == "default" and not grants:
        return "default"
    public = {
        item.get("Permission")
        for item in grants
        if (item.get("Grantee") or {}).get("URI") == ALL_USERS
    }
    if "FULL_CONTROL" in public or {"READ", "WRITE"} <= public:
        return "public-read-write"
    return "public-read" if "READ" in public else "private"


def account_id(text: str) -> str:
    """Return an account's id in its short form, `<owner>` or `<owner>/<sub>`.

    Args:
        text: the id, in the short form or as `qcs::cam::uin/<owner>:uin/<sub>`.
    """
    found = re.fullmatch(r"qcs::cam::uin/([^:]+):uin/(.+)", text)
    if found:
        return found[1] if found[1] == found[2] else f"{found[1]}/{found[2]}"
    return text.strip()


def allows(grants: Iterable[Grant], account: str | None, permission: str) -> bool:
    """Return whether the grants give a permission to an account; None is an anonymous client."""
    return any(
        grant.permission in (permission, "FULL_CONTROL")
        and (
            grant.grantee == ALL_USERS
            or (account is not None and grant.grantee in (account, AUTHENTICATED_USERS))
        )
        for grant in grants
    )
