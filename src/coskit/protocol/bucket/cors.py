"""CORS rules of a bucket: checked, stored, and matched with a request for its headers."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from coskit.protocol.codec.xml.document import items
from coskit.protocol.errors import InvalidArgument, MalformedXML, XMLSizeLimit

METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD")
MAX_RULES = 100
MAX_SIZE = 64 << 10
MAX_ID = 255
MAX_ASKED = 100  # headers in a preflight; browsers list the headers that a page sets
_LISTS = ("AllowedOrigin", "AllowedMethod", "AllowedHeader", "ExposeHeader")
_ORIGIN = re.compile(r"[!-~]{1,1024}")
_HEADER = re.compile(r"[\w!#$%&'*+.^`|~-]{1,256}", re.ASCII)
_SECONDS = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True)
class CorsRule:
    """A CORS rule; an origin and an allowed header may hold one `*` for any text."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age: str

    def allows(self, origin: str, method: str, headers: Iterable[str]) -> bool:
        """Return whether the rule allows a request of this origin and method with these headers."""
        return (
            any(_fits(pattern, origin) for pattern in self.origins)
            and method in self.methods
            and all(map(self._allows_header, headers))
        )

    def _allows_header(self, name: str) -> bool:
        lower = name.lower()
        return lower in self._names or any(_fits(p, lower) for p in self._patterns)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(name.lower() for name in self.headers if "*" not in name)

    @cached_property
    def _patterns(self) -> tuple[str, ...]:
        return tuple({name.lower() for name in self.headers if "*" in name})


def dump_rules(document: Mapping[str, Any]) -> str:
    """Check a CORSConfiguration and return its stored form.

    Args:
        document: the configuration as the SDK's dict.

    Raises:
        MalformedXML: there is no rule, or a rule lacks something that it needs.
        InvalidArgument: there are more than 100 rules, or a value is not allowed.
        XMLSizeLimit: the configuration takes more than 64 KB.
    """
    rules = items(document, "CORSRule")
    if not rules:
        raise MalformedXML("CORSConfiguration needs a CORSRule")
    if len(rules) > MAX_RULES:
        raise InvalidArgument(f"A bucket must have at most {MAX_RULES} CORS rules")
    kept: dict[str, Any] = {"CORSRule": [_checked(rule) for rule in rules]}
    if document.get("ResponseVary"):
        kept["ResponseVary"] = document["ResponseVary"]
    text = json.dumps(kept)
    if len(text) > MAX_SIZE:
        raise XMLSizeLimit(f"CORS rules take at most {MAX_SIZE} bytes")
    return text


def load_document(text: str) -> dict[str, Any]:
    """Return the configuration that `dump_rules` stored."""
    document: dict[str, Any] = json.loads(text)
    return document


@lru_cache(maxsize=256)
def load_rules(text: str) -> tuple[CorsRule, ...]:
    """Return the rules that `dump_rules` stored."""
    return tuple(_load_rule(rule) for rule in load_document(text)["CORSRule"])


def allow(
    rules: Iterable[CorsRule], origin: str, method: str, headers: Sequence[str] = ()
) -> dict[str, str] | None:
    """Return the CORS headers of a response, or None if no rule allows the request.

    The first rule that allows the request decides. No rule allows more than 100 headers.

    Args:
        rules: the bucket's rules.
        origin: the request's Origin.
        method: the request's method, or the method in a preflight.
        headers: the header names in a preflight.
    """
    names = dict.fromkeys(name.lower() for name in headers)
    if len(names) > MAX_ASKED:
        return None
    rule = next((rule for rule in rules if rule.allows(origin, method, names)), None)
    if rule is None:
        return None
    is_public = "*" in rule.origins
    found = {
        "Access-Control-Allow-Origin": "*" if is_public else origin,
        "Access-Control-Allow-Methods": ",".join(rule.methods),
        # In browsers `*` does not cover Authorization, so the requested names are listed.
        "Access-Control-Allow-Headers": ",".join(names),
        "Access-Control-Expose-Headers": ",".join(rule.exposed),
        "Access-Control-Max-Age": rule.max_age,
        "Access-Control-Allow-Credentials": "" if is_public else "true",
    }
    return {name: text for name, text in found.items() if text}


def header_list(text: str) -> list[str]:
    """Return the names in an Access-Control-Request-Headers."""
    return [name.strip() for name in text.split(",") if name.strip()]


def _checked(rule: Mapping[str, Any]) -> dict[str, Any]:
    lists = {name: [str(item).strip() for item in items(rule, name)] for name in _LISTS}
    if not lists["AllowedOrigin"] or not lists["AllowedMethod"]:
        raise MalformedXML("A CORSRule needs an AllowedOrigin and an AllowedMethod")
    for origin in lists["AllowedOrigin"]:
        if not _ORIGIN.fullmatch(origin) or origin.count("*") > 1:
            raise InvalidArgument("An AllowedOrigin must be an origin with at most one *")
    for method in lists["AllowedMethod"]:
        if method not in METHODS:
            raise InvalidArgument(f"An AllowedMethod must be one of {', '.join(METHODS)}")
    for header in (*lists["AllowedHeader"], *lists["ExposeHeader"]):
        if not _HEADER.fullmatch(header) or header.count("*") > 1:
            raise InvalidArgument("A header in a CORSRule must be a name with at most one *")
    checked: dict[str, Any] = {name: values for name, values in lists.items() if values}
    age = str(rule.get("MaxAgeSeconds") or "").strip()
    if age and not _SECONDS.fullmatch(age):
        raise InvalidArgument("MaxAgeSeconds must be a number of seconds")
    if len(rule.get("ID") or "") > MAX_ID:
        raise InvalidArgument(f"The ID of a rule must have at most {MAX_ID} characters")
    return {
        **({"ID": rule["ID"]} if rule.get("ID") else {}),
        **checked,
        **({"MaxAgeSeconds": age} if age else {}),
    }


def _load_rule(rule: Mapping[str, Any]) -> CorsRule:
    origins, methods, headers, exposed = (tuple(rule.get(name, ())) for name in _LISTS)
    return CorsRule(origins, methods, headers, exposed, rule.get("MaxAgeSeconds", ""))


def _fits(pattern: str, text: str) -> bool:
    before, star, after = pattern.partition("*")
    if not star:
        return pattern == text
    return (
        len(text) >= len(before) + len(after) and text.startswith(before) and text.endswith(after)
    )
