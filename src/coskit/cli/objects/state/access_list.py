"""The access list of an object: read, named, and given to a copy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coskit.cli.arguments.locations import argument_key
from coskit.protocol.codec.xml.document import items

if TYPE_CHECKING:
    from coskit import Client

_EVERYBODY, _KNOWN = "everybody", "every account"
_GROUPS = {"AllUsers": _EVERYBODY, "AuthenticatedUsers": _KNOWN}
_CANNED: dict[frozenset[tuple[str, str]], str] = {
    frozenset(): "private",
    frozenset({(_EVERYBODY, "READ")}): "public-read",
    frozenset({(_EVERYBODY, "READ"), (_EVERYBODY, "WRITE")}): "public-read-write",
    frozenset({(_KNOWN, "READ")}): "authenticated-read",
}
_OPTIONS = {
    "FULL_CONTROL": "GrantFullControl",
    "READ": "GrantRead",
    "READ_ACP": "GrantReadAcp",
    "WRITE_ACP": "GrantWriteAcp",
}


@dataclass(frozen=True, slots=True)
class AccessList:
    """The permissions on an object or a bucket.

    Attributes:
        owner: the owner's id.
        canned: the canned ACL that the list is equal to, `default` for the bucket's, or `custom`.
        grants: pairs of grantee and permission, besides the owner's full control.
        document: the list as the service returned it.
    """

    owner: str
    canned: str
    grants: tuple[tuple[str, str], ...]
    document: Mapping[str, Any]

    def facts(self) -> dict[str, Any]:
        """Return the list for JSON."""
        granted = [{"grantee": who, "permission": what} for who, what in self.grants]
        return {"owner": self.owner, "canned": self.canned, "grants": granted}

    def copy_options(self) -> dict[str, str] | None:
        """Return the options of a copy with this list, or None if no options express it."""
        if self.canned == "default":
            return {}
        if self.canned in ("private", "public-read", "authenticated-read"):
            return {"ACL": self.canned}
        if any(who in _GROUPS.values() or what not in _OPTIONS for who, what in self.grants):
            return None
        return grant_options(self.grants)


def canned_facts(owner: str, canned: str) -> dict[str, Any]:
    """Return the facts of a canned ACL for JSON, without grants that are not known here."""
    known = next((grants for grants, name in _CANNED.items() if name == canned), frozenset())
    return AccessList(owner, canned, tuple(sorted(known)), {}).facts()


def grant_options(grants: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the options of a request that grant permissions to accounts."""
    found: dict[str, list[str]] = {}
    for who, what in grants:
        found.setdefault(_OPTIONS[what], []).append(f'id="{who}"')
    return {name: ",".join(ids) for name, ids in found.items()}


def read_access(client: "Client", bucket: str, key: str, version_id: str | None) -> AccessList:
    """Return the access list of an object or a version of it."""
    return access_list(client.get_object_acl(bucket, argument_key(key), VersionId=version_id))


def access_list(document: Mapping[str, Any]) -> AccessList:
    """Return the access list of a document."""
    owner = str((document.get("Owner") or {}).get("ID") or "")
    all_grants = [_grant(item) for item in items(document.get("AccessControlList"), "Grant")]
    grants = tuple(grant for grant in all_grants if grant != (owner, "FULL_CONTROL"))
    canned = _CANNED.get(frozenset(grants), "custom")
    # COS names the access list that an object without one of its own inherits.
    if document.get("x-cos-acl") == "default" and not all_grants:
        canned = "default"
    return AccessList(_short(owner), canned, _shortened(grants), document)


def _grant(item: Mapping[str, Any]) -> tuple[str, str]:
    grantee = item.get("Grantee") or {}
    group = str(grantee.get("URI") or "")
    who = _GROUPS.get(group.rpartition("/")[2], group) or str(grantee.get("ID") or "")
    return who, str(item.get("Permission") or "")


def _shortened(grants: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((_short(who), what) for who, what in grants)


def _short(account: str) -> str:
    """Return an account's id without the vendor's prefix, `<owner>` or `<owner>/<sub>`."""
    parts = [part.removeprefix("uin/") for part in account.split(":") if part.startswith("uin/")]
    return "/".join(dict.fromkeys(parts)) if account.startswith("qcs::cam::") else account
