"""The policy of a form upload: how it is written, read, and held against the form's fields."""

import json
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coskit.protocol.codec.dates import listing_date, parse_iso_date
from coskit.protocol.errors import AccessDenied, InvalidPolicyDocument

# A policy without these would let its signature serve for other forms.
_NEEDED = ("q-sign-algorithm", "q-ak", "q-sign-time")
_MATCHES = ("eq", "starts-with")
_RANGE = "content-length-range"
FILENAME = "${filename}"


@dataclass(frozen=True, slots=True)
class PostPolicyCondition:
    """What one field, named in lower case, has to be or to start with."""

    match: str
    field: str
    value: str

    def holds(self, text: str) -> bool:
        """Return whether a field's text is as it has to be."""
        if self.match == "eq":
            return text == self.value
        if self.field != "content-type":
            return text.startswith(self.value)
        # AWS, "POST policy", "Matching Content-Types in a Comma-Separated List": each has to match,
        # because a browser may take any of them for the type.
        return all(one.strip().startswith(self.value) for one in text.split(","))


@dataclass(frozen=True, slots=True)
class PostPolicy:
    """What a form may upload.

    Attributes:
        text: the JSON, which the signature covers.
        expiration: milliseconds since 1970.
        conditions: on fields.
        smallest: bytes that a file needs.
        largest: bytes that a file may have, or None.
    """

    text: str
    expiration: int
    conditions: tuple[PostPolicyCondition, ...]
    smallest: int = 0
    largest: int | None = None

    def check(self, fields: Mapping[str, str], bucket: str, now: int) -> None:
        """Hold the policy against a form.

        Args:
            fields: by lower-case name, `${filename}` in the key replaced.
            bucket: that the form is sent to.
            now: milliseconds since 1970.

        Raises:
            AccessDenied: the policy has expired, or a field is missing or not as it has to be.
        """
        if now >= self.expiration:
            raise AccessDenied("The policy of the form has expired")
        # The form spells its window q-key-time, the policy q-sign-time.
        given = {"q-sign-time": fields.get("q-key-time", ""), **fields, "bucket": bucket}
        for condition in self.conditions:
            if condition.field not in given:
                raise AccessDenied(f"The policy names {condition.field[:60]}, the form lacks it")
            if not condition.holds(given[condition.field]):
                raise AccessDenied(f"The policy does not allow this {condition.field[:60]}")


def read_policy(encoded: str, needed: Collection[str] = _NEEDED) -> PostPolicy:
    """Return the policy that a form's field `policy` holds.

    Args:
        encoded: Base64 of JSON.
        needed: fields without a condition on which it makes no sense.

    Raises:
        InvalidPolicyDocument: it is not the Base64 of a policy in JSON.
    """
    try:
        text = b64decode(encoded, validate=True).decode()
        document = json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise InvalidPolicyDocument("The policy is not Base64 of JSON") from cause
    if not isinstance(document, dict) or not isinstance(document.get("conditions"), list):
        raise InvalidPolicyDocument("A policy is an object with expiration and conditions")
    expiration = parse_iso_date(str(document.get("expiration")))
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
        conditions: as the API knows them: dicts, and lists such as `["starts-with", "$key", "a/"]`.
    """
    document = {"expiration": listing_date(expiration), "conditions": list(conditions)}
    return json.dumps(document, separators=(",", ":"))


def encode_policy(text: str) -> str:
    """Return a policy's text as it stands in the form."""
    return b64encode(text.encode()).decode()


def key_condition(key: str) -> Sequence[str]:
    """Return the condition that a form with this key meets, whatever its file is called."""
    before, placeholder, _ = key.partition(FILENAME)
    return ("starts-with" if placeholder else "eq", "$key", before)


def fixed_fields(conditions: Iterable[Any]) -> dict[str, str]:
    """Return the fields whose text the conditions leave no choice about."""
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
        raise InvalidPolicyDocument("A condition is an object or a list of three")
    for match, _, value in pairs:
        if match not in _MATCHES or not isinstance(value, str | int) or isinstance(value, bool):
            raise InvalidPolicyDocument("A condition is eq or starts-with and compares text")
    return [PostPolicyCondition(match, name.lower(), str(value)) for match, name, value in pairs]


def _range(item: Sequence[object]) -> tuple[int, int]:
    numbers = [str(number) for number in item[1:]]
    if len(numbers) != 2 or not all(n.isascii() and n.isdigit() and len(n) < 19 for n in numbers):
        raise InvalidPolicyDocument("content-length-range has two numbers of bytes")
    return int(numbers[0]), int(numbers[1])
