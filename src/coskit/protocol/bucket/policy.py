"""Access policies: statements that allow or deny actions on resources, and their evaluation."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from coskit.protocol.bucket.policy_conditions import (
    CosCondition,
    RequestContext,
    is_small_network,
    read_conditions,
    wildcard_match,
)
from coskit.protocol.errors import MalformedPolicy
from coskit.protocol.model import Operation

MAX_POLICY = 20 << 10
ANYONE = "*"
Verdict = Literal["allow", "deny"]

# The vendor's names of actions that differ from the operation's; a policy may name any of them.
_ACTIONS = {
    "CopyObject": ("PutObject", "PutObjectCopy"),
    "CreateBucket": ("PutBucket",),
    "CreateMultipartUpload": ("InitiateMultipartUpload",),
    "DeleteObjects": ("DeleteMultipleObjects", "DeleteObject"),
    "GetObjectAttributes": ("HeadObject", "GetObjectAttributes"),
    "ListBuckets": ("GetService",),
    "ListObjects": ("GetBucket",),
    "ListObjectsV2": ("GetBucket",),
    "ListObjectsVersions": ("GetBucketObjectVersions",),
    "PutObject": ("PutObject", "PostObject"),
    "RestoreObject": ("PostObjectRestore",),
    "UploadPartCopy": ("UploadPart", "UploadPartCopy"),
}
_LISTINGS = frozenset(
    ("ListObjects", "ListObjectsV2", "ListObjectsVersions", "ListMultipartUploads")
)
_ACTION = re.compile(r"(name/)?([a-z0-9]+):([a-z0-9*]+)", re.IGNORECASE)
_RESOURCE = re.compile(r"qcs::cos:([^:]*):(?:uid/([^:]*))?:(.+)", re.DOTALL)
_OLD_PATH = re.compile(r"prefix//([0-9]+)/([^/]+)/?(.*)", re.DOTALL)
_PRINCIPAL = re.compile(r"qcs::cam::uin/([0-9]{1,20}):(root|uin/([0-9]{1,20}|\*))")
_SPECIAL = {
    "*": (ANYONE,),
    "qcs::cam::anyone:anyone": (ANYONE,),
    "qcs::cam::anonymous:anonymous": ("",),
}


@dataclass(frozen=True, slots=True)
class ResourceLocation:
    """The parts of a bucket's resource name.

    Attributes:
        region: the bucket's region.
        accounts: the ids of the account that owns the bucket.
        bucket: the bucket's name.
    """

    region: str
    accounts: tuple[str, ...]
    bucket: str


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A request for access, which policies allow or deny.

    Attributes:
        account: the client's account, or None for an anonymous client.
        operation: the row.
        location: the bucket.
        key: the object's key, or "" for the bucket itself.
        context: the values that conditions test.
        version_id: the version's id, or None for the current version.
        tags: a function that reads the tags of the stored object.
    """

    account: str | None
    operation: Operation
    location: ResourceLocation
    key: str
    context: RequestContext
    version_id: str | None = None
    tags: Callable[[], Mapping[str, str]] = dict

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that a resource may name: of a listing also its prefix."""
        if self.operation.name not in _LISTINGS:
            return (self.key,)
        prefix = self.context.condition_value("cos:prefix")
        return (self.key, prefix) if prefix else (self.key,)


class Statement(Protocol):
    """A statement of a policy, in the language of COS or of S3."""

    @property
    def effect(self) -> Verdict: ...  # noqa: D102 - an attribute

    @property
    def is_public(self) -> bool:
        """True if the statement allows access to everyone."""
        ...

    def is_within(self, location: ResourceLocation) -> bool:
        """Return whether all resources may be a bucket or objects in it."""
        ...

    def applies(self, access: AccessRequest) -> bool:
        """Return whether the statement applies to a request."""
        ...


@dataclass(frozen=True, slots=True)
class CosResource:
    """A resource of a statement; each part may hold `*` for any text."""

    region: str
    account: str
    path: str

    def holds(self, location: ResourceLocation, key: str) -> bool:
        """Return whether the resource names a key of a bucket, or the bucket itself."""
        return self._is_at(location) and wildcard_match(self.path, f"{location.bucket}/{key}")

    def may_hold(self, location: ResourceLocation) -> bool:
        """Return whether the resource may name a bucket or an object in it."""
        bucket = self.path.partition("/")[0]
        return self._is_at(location) and wildcard_match(bucket, location.bucket)

    def _is_at(self, location: ResourceLocation) -> bool:
        return wildcard_match(self.region, location.region) and any(
            wildcard_match(self.account, account) for account in location.accounts
        )


@dataclass(frozen=True, slots=True)
class CosStatement:
    """A statement in the language of COS; actions are in lower case."""

    effect: Verdict
    principals: tuple[str, ...]
    actions: tuple[str, ...]
    resources: tuple[CosResource, ...]
    conditions: tuple[CosCondition, ...]

    def applies(self, access: AccessRequest) -> bool:
        """Return whether the statement applies to a request."""
        return (
            any(wildcard_match(who, access.account or "") for who in self.principals)
            and any(
                wildcard_match(pattern, action)
                for pattern in self.actions
                for action in actions_of(access.operation)
            )
            and any(r.holds(access.location, key) for r in self.resources for key in access.keys)
            and all(condition.holds(access.context) for condition in self.conditions)
        )

    @property
    def is_public(self) -> bool:
        """True if the statement allows access to everyone."""
        open_to_all = ANYONE in self.principals or "" in self.principals
        is_narrow = any(_narrows(condition) for condition in self.conditions)
        return self.effect == "allow" and open_to_all and not is_narrow

    def is_within(self, location: ResourceLocation) -> bool:
        """Return whether all resources may be a bucket or objects in it."""
        return all(resource.may_hold(location) for resource in self.resources)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy: its statements."""

    statements: tuple[Statement, ...]

    @property
    def is_public(self) -> bool:
        """True if the statement allows access to everyone."""
        return any(statement.is_public for statement in self.statements)

    def verdict(self, access: AccessRequest) -> Verdict | None:
        """Return the policy's verdict on a request; a deny takes precedence, None is neither."""
        effects = {statement.effect for statement in self.statements if statement.applies(access)}
        return "deny" if "deny" in effects else "allow" if effects else None


def _narrows(condition: CosCondition) -> bool:
    """Return whether a condition limits access to small networks."""
    is_of_places = (condition.operator, condition.key) == ("ip_equal", "qcs:ip")
    return is_of_places and not condition.if_exist and all(map(is_small_network, condition.values))


def actions_of(operation: Operation) -> tuple[str, ...]:
    """Return the lower-case names of an operation in policies."""
    return tuple(name.lower() for name in _ACTIONS.get(operation.name, (operation.name,)))


def load_policy(text: str) -> Any:
    """Return the JSON of a policy, in either language.

    Raises:
        MalformedPolicy: the text is too long or no JSON, or an object has a name twice.
    """
    if len(text.encode()) > MAX_POLICY:
        raise MalformedPolicy(f"A policy must be at most {MAX_POLICY} bytes long")
    try:
        return json.loads(text, object_pairs_hook=_members)
    except (ValueError, RecursionError) as cause:
        raise MalformedPolicy("The policy is not JSON") from cause


def parse_policy(text: str, *, of_bucket: bool = True) -> Policy:
    """Read a policy in the language of COS; case does not matter in member names and Effect.

    Args:
        text: the policy as JSON.
        of_bucket: whether statements have to name principals; the policy of a key has none.

    Raises:
        MalformedPolicy: the text is no policy, or it has a member that would be ignored.
    """
    found = _fields(load_policy(text), {"version", "statement", "principal", "id"})
    if str(found.get("version", "2.0")) != "2.0":
        raise MalformedPolicy("The version must be 2.0")
    items = found.get("statement")
    items = [items] if isinstance(items, dict) else items
    if not isinstance(items, list) or not items:
        raise MalformedPolicy("A policy must have one Statement or several")
    outer = found.get("principal")
    return Policy(tuple(_statement(item, outer, of_bucket=of_bucket) for item in items))


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of an object; refuse a name that it has twice."""
    members = dict(pairs)
    if len({name.lower() for name in members}) < len(pairs):
        raise MalformedPolicy("A name stands twice in one object")
    return members


def _fields(value: Any, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedPolicy("A policy and its statements must be objects")
    fields = {name.lower(): member for name, member in value.items()}
    if unknown := fields.keys() - known:
        raise MalformedPolicy(f"A policy has no {min(unknown)[:60]}")
    return fields


def _statement(item: Any, outer: Any, *, of_bucket: bool) -> CosStatement:
    names = {"sid", "principal", "effect", "action", "resource", "condition"}
    fields = _fields(item, names)
    effect = str(fields.get("effect", "")).lower()
    if effect not in ("allow", "deny"):
        raise MalformedPolicy("Effect must be allow or deny")
    principal = fields.get("principal", outer)
    if principal is None and of_bucket:
        raise MalformedPolicy("A statement of a bucket's policy must have a Principal")
    return CosStatement(
        "allow" if effect == "allow" else "deny",
        (ANYONE,) if principal is None else _principals(principal),
        tuple(_action(text) for text in text_list(fields.get("action"), "Action")),
        tuple(_resource(text) for text in text_list(fields.get("resource"), "Resource")),
        read_conditions(fields.get("condition", {})),
    )


def text_list(value: Any, name: str) -> list[str]:
    """Return the texts of a member that is one text or a list of texts.

    Raises:
        MalformedPolicy: the member is neither, or the list is empty.
    """
    text_list = [value] if isinstance(value, str) else value
    if (
        not isinstance(text_list, list)
        or not text_list
        or not all(isinstance(t, str) for t in text_list)
    ):
        raise MalformedPolicy(f"{name} must be a text or a list of texts")
    return text_list


def _principals(value: Any) -> tuple[str, ...]:
    if isinstance(value, Mapping):
        value = _fields(value, {"qcs"}).get("qcs")
    return tuple(who for text in text_list(value, "Principal") for who in _principal(text))


def _principal(text: str) -> tuple[str, ...]:
    """Return the accounts that a principal names, as patterns."""
    if text in _SPECIAL:
        return _SPECIAL[text]
    found = _PRINCIPAL.fullmatch(text)
    if not found:
        raise MalformedPolicy(f"{text[:60]} is not of the form qcs::cam::uin/<owner>:uin/<sub>")
    root, sub = found[1], found[3] or found[1]
    if sub == "*":
        return root, f"{root}/*"
    return (root,) if sub == root else (f"{root}/{sub}",)


def _action(text: str) -> str:
    """Return the pattern of an action's name; for another service's, one that never matches."""
    if text == "*":
        return "*"
    found = _ACTION.fullmatch(text)
    if not found:
        raise MalformedPolicy(f"{text[:60]} is not of the form name/cos:<action>")
    return found[3].lower() if found[2].lower() == "cos" else text.lower()


def _resource(text: str) -> CosResource:
    if text == "*":
        return CosResource("*", "*", "*")
    found = _RESOURCE.fullmatch(text)
    if not found:
        raise MalformedPolicy(
            f"{text[:60]} is not of the form qcs::cos:<region>:uid/<appid>:<bucket>/<path>"
        )
    path = found[3]
    if old := _OLD_PATH.fullmatch(path):
        path = f"{old[2]}-{old[1]}/{old[3]}"
    if "/" not in path and "*" not in path:
        path += "/"
    return CosResource(found[1] or "*", found[2] or "*", path)
