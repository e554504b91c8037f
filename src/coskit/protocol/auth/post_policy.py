"""The policy of a form upload: written, read, and checked against the form's fields."""

import json
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coskit.protocol.codec.dates import listing_date, parse_iso_date
from coskit.protocol.errors import AccessDenied, InvalidPolicyDocument

# Without conditions on these fields, the signature would be valid for other forms.
_NEEDED = ("q-sign-algorithm", "q-ak", "q-sign-time")
_MATCHES = ("eq", "starts-with")
_RANGE = "content-length-range"
FILENAME = "${filename}"


@dataclass(frozen=True, slots=True)
class PostPolicyCondition:
    """A condition on one field: its text has to equal a value or to start with it."""

    match: str
    field: str
    value: str

    def holds(self, text: str) -> bool:
        """Return whether a field's text meets the condition."""
        if self.match == "eq":
            return text == self.value
        if self.field != "content-type":
            return text.startswith(self.value)
        # AWS, "POST policy", "Matching Content-Types in a Comma-Separated List": each has to match,
        # because a browser may take any of them for the type.
        return all(one.strip().startswith(self.value) for one in text.split(","))


@dataclass(frozen=True, slots=True)
class PostPolicy:
    """The conditions of a form upload.

    Attributes:
        text: the JSON, which the signature covers.
        expiration: milliseconds since 1970.
        conditions: the conditions on fields.
        smallest: the minimum size of the file in bytes.
        largest: the maximum size of the file in bytes, or None.
    """

    text: str
    expiration: int
    conditions: tuple[PostPolicyCondition, ...]
    smallest: int = 0
    largest: int | None = None

    def check(self, fields: Mapping[str, str], bucket: str, now: int) -> None:
        """Refuse a form that does not meet the policy.

        Args:
            fields: the form's fields by lower-case name, with `${filename}` in the key replaced.
            bucket: the bucket that the form is sent to.
            now: milliseconds since 1970.

        Raises:
            AccessDenied: the policy has expired, or a field is missing or does not meet its
                condition.
        """
        if now >= self.expiration:
            raise AccessDenied("The policy of the form has expired")
        # The window is q-key-time in the form and q-sign-time in the policy.
        given = {"q-sign-time": fields.get("q-key-time", ""), **fields, "bucket": bucket}
        for condition in self.conditions:
            if condition.field not in given:
                raise AccessDenied(f"The policy names {condition.field[:60]}, the form lacks it")
            if not condition.holds(given[condition.field]):
                raise AccessDenied(f"The policy does not allow this {condition.field[:60]}")


def read_policy(encoded: str, needed: Collection[str] = _NEEDED) -> PostPolicy:
    """Return the policy in the field `policy` of a form.

    Args:
        encoded: the policy, JSON in Base64.
        needed: fields that need a condition.

    Raises:
        InvalidPolicyDocument: the field does not hold a policy as JSON in Base64.
    """
    try:
        text = b64decode(encoded, validate=True).decode()
        document = json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise InvalidPolicyDocument("The policy is not Base64 of JSON") from cause
    if not isinstance(document, dict) or not isinstance(document.get("conditions"), list):
        raise InvalidPolicyDocument("A policy must be an object with expiration and conditions")
    given = document.get("expiration")
    expiration = parse_iso_date(given) if isinstance(given, str) else None
    if expiration is None:
        raise InvalidPolicyDocument("The policy's expiration is no ISO 8601 date")
    conditions: list[PostPolicyCondition] = []
    smallest, largest = 0, None
    for item in document["conditions"]:
        if isinstance(item, list) and str(item[:1][0] if item else "").lower() == _RANGE:
            least, most = _range(item)  # all conditions have to hold
            smallest, largest = (
                max(smallest, least),
                most if largest is None else min(largest, most),
            )
        else:
            conditions += _conditions(item)
    if missing := set(needed) - {condition.field for condition in conditions}:
        raise InvalidPolicyDocument(f"The policy lacks a condition on {min(missing)}")
    return PostPolicy(text, expiration, tuple(conditions), smallest, largest)


def write_policy(expiration: int, conditions: Iterable[Any]) -> str:
    """Return the text of a policy.

    Args:
        expiration: milliseconds since 1970.
        conditions: dicts, and lists such as `["starts-with", "$key", "a/"]`.
    """
    document = {"expiration": listing_date(expiration), "conditions": list(conditions)}
    return json.dumps(document, separators=(",", ":"))


def encode_policy(text: str) -> str:
    """Return the value of the form's field `policy`, the text in Base64."""
    return b64encode(text.encode()).decode()


def key_condition(key: str) -> Sequence[str]:
    """Return the condition that a form with this key meets with any file name."""
    before, placeholder, _ = key.partition(FILENAME)
    return ("starts-with" if placeholder else "eq", "$key", before)


def fixed_fields(conditions: Iterable[Any]) -> dict[str, str]:
    """Return the fields that the conditions fix, with their texts."""
    fields: dict[str, str] = {}
    for condition in conditions:
        if isinstance(condition, Mapping):
            fields.update((name, str(value)) for name, value in condition.items())
        elif condition[0] == "eq":
            fields[condition[1].removeprefix("$")] = str(condition[2])
    return fields


def _conditions(item: object) -> list[PostPolicyCondition]:
    if isinstance(item, dict) and item:
        pairs = [("eq", name, value) for name, value in item.items()]
    elif isinstance(item, list) and len(item) == 3 and str(item[1]).startswith("$"):
        pairs = [(str(item[0]).lower(), item[1][1:], item[2])]
    else:
        raise InvalidPolicyDocument("A condition must be an object or a list of three")
    for match, _, value in pairs:
        if match not in _MATCHES or not isinstance(value, str | int) or isinstance(value, bool):
            raise InvalidPolicyDocument("A condition must be eq or starts-with and compare text")
    return [PostPolicyCondition(match, name.lower(), str(value)) for match, name, value in pairs]


def _range(item: Sequence[object]) -> tuple[int, int]:
    numbers = [str(number) for number in item[1:]]
    if len(numbers) != 2 or not all(n.isascii() and n.isdigit() and len(n) < 19 for n in numbers):
        raise InvalidPolicyDocument("content-length-range must have two numbers of bytes")
    return int(numbers[0]), int(numbers[1])
