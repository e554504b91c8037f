"""The conditions of S3 policies: the operators, and the test of a request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from ipaddress import ip_address, ip_network
from operator import eq, ge, gt, le, lt
from typing import Any, NamedTuple

from coskit.protocol.bucket.policy import AccessRequest, Verdict, text_list
from coskit.protocol.bucket.policy_conditions import condition_entries, wildcard_match
from coskit.protocol.codec.dates import parse_iso_date
from coskit.protocol.errors import MalformedPolicy
from coskit.protocol.s3.policy.condition_keys import (
    UNREAD,
    condition_values,
    is_known,
    unquote_grants,
)

_Parse = Callable[[str], Any]
_Test = Callable[[Any, Any], bool]  # of the value found and the one expected


def matches_pattern(text: str, pattern: str) -> bool:
    """Return whether a text matches a pattern, in which `*` is any text and `?` any character."""
    if "?" not in pattern:
        return wildcard_match(pattern, text)
    steps = _steps(pattern)
    # Bit n is set while the text so far matches the first n characters of the pattern.
    # Backtracking would take a time that grows with the product of both lengths.
    reached = 1
    for character in text:
        taken = reached & steps.takes.get(character, steps.takes_any)
        reached = taken << 1 | reached & steps.stays
        if not reached:
            return False
    return bool(reached >> steps.length & 1)


class _Steps(NamedTuple):
    """A pattern as sets of bits, one bit for each of its characters except `*`.

    Attributes:
        length: the number of characters except `*`.
        stays: the characters that follow a `*`.
        takes: for each character of texts, the characters of the pattern that match it.
        takes_any: the characters of the pattern that match any character, which are `?`.
    """

    length: int
    stays: int
    takes: Mapping[str, int]
    takes_any: int


@lru_cache(maxsize=256)
def _steps(pattern: str) -> _Steps:
    length = stays = takes_any = 0
    takes: dict[str, int] = {}
    for character in pattern:
        if character == "*":
            stays |= 1 << length
            continue
        if character == "?":
            takes_any |= 1 << length
        else:
            takes[character] = takes.get(character, 0) | 1 << length
        length += 1
    return _Steps(length, stays, {c: bits | takes_any for c, bits in takes.items()}, takes_any)


def _date(text: str) -> int:
    moment = int(text) * 1000 if text.isascii() and text.isdigit() else parse_iso_date(text)
    if moment is None:
        raise ValueError
    return moment


def _bool(text: str) -> str:
    if text.lower() not in ("true", "false"):
        raise ValueError
    return text.lower()


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError
    return number


def _address(text: str) -> Any:
    """Return a network; a single address is a network of one address."""
    if "/" in text:
        return ip_network(text, strict=False)
    address = ip_address(text)
    return ip_network(getattr(address, "ipv4_mapped", None) or address)


def _is_within(found: Any, network: Any) -> bool:
    return found.version == network.version and bool(found.subnet_of(network))


def _arn(text: str) -> str:
    if text.count(":") < 5:
        raise ValueError
    return text


# The parser of values, the test, and whether all expected values have to fail the test.
_OPERATORS: dict[str, tuple[_Parse, _Test, bool]] = {
    "StringEquals": (str, eq, False),
    "StringNotEquals": (str, eq, True),
    "StringEqualsIgnoreCase": (str.casefold, eq, False),
    "StringNotEqualsIgnoreCase": (str.casefold, eq, True),
    "StringLike": (str, matches_pattern, False),
    "StringNotLike": (str, matches_pattern, True),
    "NumericEquals": (_number, eq, False),
    "NumericNotEquals": (_number, eq, True),
    "NumericLessThan": (_number, lt, False),
    "NumericLessThanEquals": (_number, le, False),
    "NumericGreaterThan": (_number, gt, False),
    "NumericGreaterThanEquals": (_number, ge, False),
    "DateEquals": (_date, eq, False),
    "DateNotEquals": (_date, eq, True),
    "DateLessThan": (_date, lt, False),
    "DateLessThanEquals": (_date, le, False),
    "DateGreaterThan": (_date, gt, False),
    "DateGreaterThanEquals": (_date, ge, False),
    "Bool": (_bool, eq, False),
    "IpAddress": (_address, _is_within, False),
    "NotIpAddress": (_address, _is_within, True),
    "ArnEquals": (_arn, matches_pattern, False),
    "ArnLike": (_arn, matches_pattern, False),
    "ArnNotEquals": (_arn, matches_pattern, True),
    "ArnNotLike": (_arn, matches_pattern, True),
}
_BY_LOWER = {name.lower(): name for name in _OPERATORS}
_NULL = "null"
_IF_EXISTS = "ifexists"
_ALL, _ANY = "forallvalues", "foranyvalue"


@dataclass(frozen=True, slots=True)
class S3Condition:
    """An operator on a condition key.

    Attributes:
        operator: the operator in S3's spelling, or "null".
        key: the key as it was written.
        values: the expected values, parsed for the operator.
        if_exists: whether the condition holds if the request has no value for the key.
        of_all: whether the condition has to hold for all of the request's values.
        of_any: whether the condition has to hold for one of the request's values, and there has to
            be one.
    """

    operator: str
    key: str
    values: tuple[Any, ...]
    if_exists: bool
    of_all: bool
    of_any: bool

    def holds(self, access: AccessRequest, effect: Verdict) -> bool:
        """Return whether a request meets the condition; an unread value never allows access.

        Args:
            access: the request for access.
            effect: the effect of the statement.
        """
        found = condition_values(self.key, access)
        if found == UNREAD:
            return effect == "deny"
        if self.operator == _NULL:
            return (found is None) in self.values
        parse, test, is_negated = _OPERATORS[self.operator]
        if found is None:
            return self.if_exists or self.of_all or (is_negated and not self.of_any)
        passed = [self._passes(text, parse, test) != is_negated for text in found]
        return all(passed) if self.of_all else any(passed)

    def _passes(self, text: str, parse: _Parse, test: _Test) -> bool:
        try:
            value = parse(text)
        except (ValueError, InvalidOperation, OverflowError):
            return False
        return any(test(value, expected) for expected in self.values)


def read_conditions(block: Any) -> tuple[S3Condition, ...]:
    """Return the conditions of a statement, from a dict of operators, keys and values.

    Raises:
        MalformedPolicy: an operator, a key or a value is unknown, or their kinds differ.
    """
    return tuple(_read(*test) for test in condition_entries(block))


def _read(operator: str, key: str, value: Any) -> S3Condition:
    quantifier, colon, name = operator.lower().rpartition(":")
    base = name.removesuffix(_IF_EXISTS)
    if (colon and quantifier not in (_ALL, _ANY)) or (base != _NULL and base not in _BY_LOWER):
        raise MalformedPolicy(f"Invalid Condition type : {operator[:60]}")
    if not is_known(key):
        raise MalformedPolicy(f"Policy has an invalid condition key {key[:60]}")
    values = [_text(item) for item in value] if isinstance(value, list) else [_text(value)]
    listed = [
        unquote_grants(text, key.lower())
        for text in text_list(values, f"{operator[:60]} on {key[:60]}")
    ]
    try:
        if base == _NULL:
            expected: tuple[Any, ...] = tuple(_bool(text) == "true" for text in listed)
        else:
            parse = _OPERATORS[_BY_LOWER[base]][0]
            expected = tuple(parse(text) for text in listed)
    except (ValueError, InvalidOperation, OverflowError) as cause:
        raise MalformedPolicy(f"A value of {operator[:60]} on {key[:60]} is none") from cause
    if any("${" in text for text in listed):
        raise MalformedPolicy("Variables in policies are not implemented")
    name_of = _BY_LOWER.get(base, _NULL)
    return S3Condition(name_of, key, expected, name != base, quantifier == _ALL, quantifier == _ANY)


def _text(value: Any) -> Any:
    """Return a value as text in JSON's spelling; other types stay, and are refused later."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value
