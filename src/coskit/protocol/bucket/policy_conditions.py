"""The conditions of a policy's statement: operators, keys, and the test of a request."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from operator import eq, ge, gt, le, lt
from typing import Any, Literal
from urllib.parse import quote

from coskit.protocol.codec.copy_source import spellings_of
from coskit.protocol.codec.dates import parse_iso_date
from coskit.protocol.errors import MalformedPolicy
from coskit.protocol.messages import Request, encode_text

Kind = Literal["string", "numeric", "date", "bool", "ip"]

# Each key with its kind; a key of the query or a header also with that name.
_QUERY: dict[str, tuple[Kind, str]] = {
    "cos:delimiter": ("string", "delimiter"),
    "cos:max-keys": ("numeric", "max-keys"),
    "cos:prefix": ("string", "prefix"),
    "cos:response-content-type": ("string", "response-content-type"),
    "cos:versionid": ("string", "versionId"),
}
_HEADERS: dict[str, tuple[Kind, str]] = {
    f"cos:{name}": ("numeric" if name == "content-length" else "string", name)
    for name in (
        "content-length",
        "content-type",
        "host",
        "x-cos-acl",
        "x-cos-copy-source",
        "x-cos-forbid-overwrite",
        "x-cos-grant-full-control",
        "x-cos-grant-read",
        "x-cos-grant-read-acp",
        "x-cos-grant-write",
        "x-cos-grant-write-acp",
        "x-cos-metadata-directive",
        "x-cos-storage-class",
        "x-cos-tagging",
    )
}
_COPY_SOURCE = "cos:x-cos-copy-source"  # in any spelling, of either dialect
_KINDS: dict[str, Kind] = {
    **{key: kind for key, (kind, _) in (_QUERY | _HEADERS).items()},
    "cos:secure-transport": "bool",
    "qcs:current_time": "date",
    "qcs:ip": "ip",
}


def wildcard_match(pattern: str, text: str) -> bool:
    """Return whether a text matches a pattern, in which `*` stands for any text."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == first
    if not text.startswith(first):
        return False
    *middle, last = rest
    at = len(first)
    for piece in middle:
        at = text.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return len(text) - at >= len(last) and text.endswith(last)


def is_small_network(network: Any) -> bool:
    """Return whether a network is small enough to belong to one organization."""
    return bool(network.prefixlen >= (8 if network.version == 4 else 32))


def _is_within(network: Any, address: Any) -> bool:
    return address in network


def _ignoring_case(expected: str, found: str) -> bool:
    return expected.casefold() == found.casefold()


_Test = Callable[[Any, Any], bool]
# The test of an expected value against the request's value. A "not" holds if no value passes.
_OPERATORS: dict[str, tuple[Kind, _Test, bool]] = {
    "string_equal": ("string", eq, True),
    "string_not_equal": ("string", eq, False),
    "string_equal_ignore_case": ("string", _ignoring_case, True),
    "string_not_equal_ignore_case": ("string", _ignoring_case, False),
    "string_like": ("string", wildcard_match, True),
    "string_not_like": ("string", wildcard_match, False),
    "bool_equal": ("bool", eq, True),
    "ip_equal": ("ip", _is_within, True),
    "ip_not_equal": ("ip", _is_within, False),
}
_COMPARISONS: dict[str, tuple[_Test, bool]] = {
    "equal": (eq, True),
    "not_equal": (eq, False),
    # The expected value is the left operand.
    "less_than": (gt, True),
    "less_than_equal": (ge, True),
    "greater_than": (lt, True),
    "greater_than_equal": (le, True),
}
_ORDERED: tuple[Kind, ...] = ("numeric", "date")
_OPERATORS |= {
    f"{kind}_{name}": (kind, *how) for kind in _ORDERED for name, how in _COMPARISONS.items()
}
_IF_EXIST = "_if_exist"


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The values of a request that conditions test.

    Attributes:
        request: the request as it was received.
        address: the client's address, or "".
        secure: whether the request came over TLS.
        now: milliseconds since 1970.
        region: the server's region.
    """

    request: Request
    address: str
    secure: bool
    now: int
    region: str

    def condition_value(self, key: str) -> str | None:
        """Return the request's value for a condition key, or None."""
        if key == _COPY_SOURCE:
            headers = self.request.headers
            return headers.get("x-amz-copy-source") or headers.get("x-cos-copy-source")
        if key in _HEADERS:
            return self.request.headers.get(_HEADERS[key][1])
        if key in _QUERY:
            name = _QUERY[key][1]
            return next((value for n, value in self.request.query if n == name), None)
        return {"cos:secure-transport": str(self.secure).lower(), "qcs:ip": self.address}.get(key)


@dataclass(frozen=True, slots=True)
class CosCondition:
    """An operator on a key; it holds if any of its values passes, a "not" if none passes."""

    operator: str
    key: str
    values: tuple[Any, ...]
    if_exist: bool

    def holds(self, context: RequestContext) -> bool:
        """Return whether a request meets the condition.

        Without a value for the key, a request meets only an `_if_exist`. A text of another kind
        equals nothing.
        """
        kind, test, positive = _OPERATORS[self.operator]
        found: tuple[Any, ...]
        if kind == "date":
            found = (context.now,)
        else:
            text = context.condition_value(self.key)
            if text is None:
                return self.if_exist
            if self.key == _COPY_SOURCE:
                of_s3 = bool(context.request.headers.get("x-amz-copy-source"))
                found = spellings_of(text, context.region, of_s3=of_s3)
            else:
                found = _readings(kind, text, in_query=self.key in _QUERY)
        passed = any(test(expected, value) for expected in self.values for value in found)
        return passed == positive


def _readings(kind: Kind, text: str, *, in_query: bool) -> tuple[Any, ...]:
    """Return the values that a request's text may stand for; none if it is not of the kind."""
    if kind == "string" and in_query:
        return text, quote(encode_text(text), safe="")  # policies spell parameters percent-encoded
    try:
        return (_parse(kind, text, found=True),)
    except ValueError:
        return ()


def _parse(kind: Kind, value: Any, *, found: bool = False) -> Any:
    """Return a value in the form in which its kind is compared, or raise ValueError."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if kind == "bool" and text not in ("true", "false"):
        raise ValueError
    if kind == "numeric":
        if len(text) > 20 or not text.removeprefix("-").isdecimal():
            raise ValueError
        return int(text)
    if kind == "date":
        moment = parse_iso_date(text)
        if moment is None:
            raise ValueError
        return moment
    if kind == "ip" and found:
        address = ip_address(text)
        return getattr(address, "ipv4_mapped", None) or address
    return ip_network(text, strict=False) if kind == "ip" else text


def read_conditions(block: Any) -> tuple[CosCondition, ...]:
    """Return the conditions of a statement, from a dict of operators, keys and values.

    Raises:
        MalformedPolicy: an operator, a key or a value is unknown, or their kinds differ.
    """
    return tuple(_read(*test) for test in condition_entries(block))


def condition_entries(block: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield the operator, the key and the values of each condition, in either language.

    Raises:
        MalformedPolicy: the block is not a dict of operators with dicts of keys.
    """
    if not isinstance(block, Mapping):
        raise MalformedPolicy("Condition must be an object of operators")
    for operator, tests in block.items():
        if not isinstance(tests, Mapping) or not tests:
            raise MalformedPolicy(f"The operator {operator[:60]} holds an object of keys")
        for key, values in tests.items():
            yield operator, key, values


def _read(operator: str, key: str, values: Any) -> CosCondition:
    base, name = operator.lower().removesuffix(_IF_EXIST), key.lower()
    if base not in _OPERATORS:
        raise MalformedPolicy(f"There is no condition operator {operator[:60]}")
    if name not in _KINDS:
        raise MalformedPolicy(f"There is no condition key {key[:60]}")
    kind = _OPERATORS[base][0]
    if kind != _KINDS[name]:
        raise MalformedPolicy(f"{key} is of kind {_KINDS[name]}, so {operator} cannot test it")
    listed = values if isinstance(values, list) else [values]
    if not listed or not all(isinstance(value, str | int) for value in listed):
        raise MalformedPolicy(f"{operator} on {key} needs text to compare with")
    try:
        expected = tuple(_parse(kind, value) for value in listed)
    except ValueError as cause:
        raise MalformedPolicy(f"A value of {operator} on {key} is not of kind {kind}") from cause
    return CosCondition(base, name, expected, operator.lower().endswith(_IF_EXIST))
