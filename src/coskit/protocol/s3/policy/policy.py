"""Bucket policies in the language of S3, read into the common policy type."""

import re
from dataclasses import dataclass
from typing import Any

from coskit.protocol.bucket.policy import (
    AccessRequest,
    Policy,
    ResourceLocation,
    Verdict,
    load_policy,
    parse_policy,
    text_list,
)
from coskit.protocol.bucket.policy_conditions import is_small_network
from coskit.protocol.errors import MalformedPolicy
from coskit.protocol.s3.policy.actions import s3_actions
from coskit.protocol.s3.policy.operators import S3Condition, matches_pattern, read_conditions

VERSIONS = ("2008-10-17", "2012-10-17")
_KNOWN = frozenset(("Version", "Id", "Statement"))
_STATEMENT = frozenset(
    """Sid Effect Principal NotPrincipal Action NotAction Resource NotResource Condition""".split()
)
_ACTION = re.compile(r"\*|s3:([a-z0-9*?]+)", re.IGNORECASE)
_OTHER_ACTION = re.compile(r"[a-z0-9-]+:[a-z*?]+", re.IGNORECASE)
_RESOURCE = re.compile(r"arn:aws[a-z-]*:s3:::(.+)", re.DOTALL)
_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::([^:/*]*):(root|user/([^*]+))")
_KINDS = frozenset(("AWS", "CanonicalUser", "Federated", "Service"))
_ACCOUNT = re.compile(r"[^\s:*/]{1,128}(/[^\s:*/]{1,128})?")
ANYONE = "*"


@dataclass(frozen=True, slots=True)
class S3Resource:
    """A resource of a statement: a pattern for `<bucket>` or `<bucket>/<key>`."""

    path: str

    def holds(self, location: ResourceLocation, key: str) -> bool:
        """Return whether the resource names a key of a bucket, or the bucket itself."""
        return matches_pattern(f"{location.bucket}/{key}" if key else location.bucket, self.path)

    def may_hold(self, location: ResourceLocation) -> bool:
        """Return whether the resource may name a bucket or an object in it."""
        return matches_pattern(location.bucket, self.path.partition("/")[0])


@dataclass(frozen=True, slots=True)
class S3Statement:
    """A statement in the language of S3; actions are in lower case.

    Attributes:
        effect: the effect, allow or deny.
        principals: the accounts, with "*" for everyone.
        all_but_principals: whether the statement applies to all other accounts instead.
        actions: the patterns of actions.
        all_but_actions: whether the statement applies to all other actions instead.
        resources: the resources.
        all_but_resources: whether the statement applies to all other resources instead.
        conditions: the conditions, all of which have to hold.
    """

    effect: Verdict
    principals: tuple[str, ...]
    all_but_principals: bool
    actions: tuple[str, ...]
    all_but_actions: bool
    resources: tuple[S3Resource, ...]
    all_but_resources: bool
    conditions: tuple[S3Condition, ...]

    def applies(self, access: AccessRequest) -> bool:
        """Return whether the statement applies to a request."""
        is_about = any(resource.holds(access.location, access.key) for resource in self.resources)
        return (
            self._is_by(access.account) != self.all_but_principals
            and self._does(access)
            and is_about != self.all_but_resources
            and all(condition.holds(access, self.effect) for condition in self.conditions)
        )

    @property
    def is_public(self) -> bool:
        """True if the statement allows access to everyone."""
        if self.effect == "deny" or not (ANYONE in self.principals or self.all_but_principals):
            return False
        return not any(_narrows(condition) for condition in self.conditions)

    def is_within(self, location: ResourceLocation) -> bool:
        """Return whether all resources may be a bucket or objects in it."""
        within = all(resource.may_hold(location) for resource in self.resources)
        return within or self.all_but_resources

    def _is_by(self, account: str | None) -> bool:
        return ANYONE in self.principals or (account or "") in self.principals

    def _does(self, access: AccessRequest) -> bool:
        """Return whether the actions match: of a deny any action, of an allow all of them."""
        needed = s3_actions(access.operation, of_version=access.version_id is not None)
        named = [any(matches_pattern(name, action) for action in self.actions) for name in needed]
        met = [found != self.all_but_actions for found in named]
        return any(met) if self.effect == "deny" else all(met)


def parse_bucket_policy(text: str) -> Policy:
    """Read the policy of a bucket, in the language of COS or of S3.

    Raises:
        MalformedPolicy: the text is no policy, or it has a member that would be ignored.
    """
    document = load_policy(text)
    if not _is_of_s3(document, text):
        return parse_policy(text)
    _refuse_unknown(document, _KNOWN)
    listed = document.get("Statement")
    listed = [listed] if isinstance(listed, dict) else listed
    if not isinstance(listed, list) or not listed:
        raise MalformedPolicy("Missing required field Statement")
    return Policy(tuple(_statement(item) for item in listed))


def _is_of_s3(document: Any, text: str) -> bool:
    if not isinstance(document, dict):
        return False
    if "Version" in document:
        return document["Version"] in VERSIONS
    return "version" not in document and "arn:aws" in text


def _refuse_unknown(fields: Any, known: frozenset[str]) -> None:
    if not isinstance(fields, dict):
        raise MalformedPolicy("A policy and its statements must be objects")
    if unknown := fields.keys() - known:
        raise MalformedPolicy(f"Unknown field {min(unknown)[:60]}")


def _statement(item: Any) -> S3Statement:
    _refuse_unknown(item, _STATEMENT)
    if item.get("Effect") not in ("Allow", "Deny"):
        raise MalformedPolicy("Effect must be Allow or Deny")
    effect: Verdict = "allow" if item["Effect"] == "Allow" else "deny"
    principal, but_principal = _either(item, "Principal")
    action, but_action = _either(item, "Action")
    resource, but_resource = _either(item, "Resource")
    if but_principal and effect == "allow":
        raise MalformedPolicy("Allow with NotPrincipal is not allowed.")
    return S3Statement(
        effect,
        _principals(principal),
        but_principal,
        tuple(_action(text) for text in text_list(action, "Action")),
        but_action,
        tuple(_resource(text) for text in text_list(resource, "Resource")),
        but_resource,
        read_conditions(item.get("Condition", {})),
    )


def _either(item: dict[str, Any], name: str) -> tuple[Any, bool]:
    """Return a member or its negation, and whether it is the negation; exactly one is required."""
    opposite = f"Not{name}"
    if (name in item) == (opposite in item):
        raise MalformedPolicy(f"A statement must have {name} or {opposite}")
    return (item[opposite], True) if opposite in item else (item[name], False)


def _principals(value: Any) -> tuple[str, ...]:
    if value == ANYONE:
        return (ANYONE,)
    if not isinstance(value, dict) or not value or value.keys() - _KINDS:
        raise MalformedPolicy("Invalid principal in policy")
    named = [
        (kind, text) for kind, listed in value.items() for text in text_list(listed, "Principal")
    ]
    # No service and no federated user sends requests here.
    return tuple(_principal(text) for kind, text in named if kind in ("AWS", "CanonicalUser"))


def _principal(text: str) -> str:
    """Return the account that a principal names."""
    if text == ANYONE:
        return ANYONE
    if arn := _PRINCIPAL.fullmatch(text):
        root, user = arn[1], arn[3]
        if not root and not user:
            raise MalformedPolicy("Invalid principal in policy")
        # A user without an account is an account of that name.
        return root if not user or user == root else f"{root}/{user}" if root else user
    if not _ACCOUNT.fullmatch(text):
        raise MalformedPolicy("Invalid principal in policy")
    return text


def _action(text: str) -> str:
    """Return the pattern of an action's name; for another service's, one that never matches."""
    found = _ACTION.fullmatch(text)
    if found:
        return (found[1] or ANYONE).lower()
    if _OTHER_ACTION.fullmatch(text):
        return text.lower()
    raise MalformedPolicy("Policy has invalid action")


def _resource(text: str) -> S3Resource:
    found = _RESOURCE.fullmatch(text)
    path = ANYONE if text == ANYONE else found[1] if found else ""
    if not path or "${" in path:
        raise MalformedPolicy("Policy has invalid resource")
    return S3Resource(path)


def _narrows(condition: S3Condition) -> bool:
    """Return whether a condition limits access to certain accounts or small networks."""
    if condition.if_exists or condition.of_all or not condition.values:
        return False
    key, operator = condition.key.lower(), condition.operator
    if key == "aws:sourceip":
        return operator == "IpAddress" and all(map(is_small_network, condition.values))
    names_somebody = key in _OF_SOMEBODY and not any(
        sign in str(value) for value in condition.values for sign in "*?"
    )
    return names_somebody and operator in (
        "StringEquals", "StringLike", "ArnEquals", "ArnLike", "StringEqualsIgnoreCase"
    )  # fmt: skip


_OF_SOMEBODY = frozenset(
    """aws:principalaccount aws:principalarn aws:principalorgid aws:principalorgpaths
    aws:sourceaccount aws:sourcearn aws:sourcevpc aws:sourcevpce aws:userid aws:username""".split()
)
