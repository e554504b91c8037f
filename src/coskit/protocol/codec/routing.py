"""Routing: find the row of a request. Of the rows whose markers it has, the one with most wins.

A row lists its parameters. A request with any other parameter matches no row, since the parameter
may name a sub-resource that is not implemented.
"""

from collections.abc import Collection, Iterable

from coskit.protocol.errors import InvalidArgument, MethodNotAllowed, NotImplementedOperation
from coskit.protocol.model import Operation
from coskit.protocol.operations import OPERATIONS, RESPONSE_OVERRIDES

_Names = frozenset[str]
_Route = tuple[Operation, _Names, _Names, _Names, _Names]

# Names that no row lists: a signature in the URL may bring them to any request.
_IN_SIGNATURES = frozenset(
    """q-sign-algorithm q-ak q-sign-time q-key-time q-header-list q-url-param-list q-signature sign
    X-Amz-Algorithm X-Amz-Credential X-Amz-Date X-Amz-Expires X-Amz-Security-Token X-Amz-Signature
    X-Amz-SignedHeaders AWSAccessKeyId Signature Expires x-cos-security-token""".split()
)
# Signers of version 2 of S3 put these headers into the URL.
_IN_OLD_SIGNATURES = frozenset(("content-md5", "content-type"))
_OLD_SIGNATURE = "AWSAccessKeyId"
# "x-": S3 ignores such names and keeps them in its log; its SDKs for JavaScript and Go send x-id.
_PREFIXES = ("x-", "q-")
_AMZ = "x-amz-"  # headers of S3 in any case, which a signed URL carries
# Any request may have these; rows without them ignore them.
_OF_ANSWERS = frozenset(param.wire for param in RESPONSE_OVERRIDES)
_OF_READS = frozenset(
    ("unsed",)  # which the published tests of cos-python-sdk-v5 send (test_use_get_auth)
)
_READING = ("GET", "HEAD")


class Router:
    """The router of one table.

    Args:
        rows: the table's rows.
        strange_headers: lower-case names of headers that turn a request into an operation that has
            no row.
    """

    def __init__(self, rows: Collection[Operation], strange_headers: Iterable[str] = ()) -> None:
        self._strange_headers = frozenset(strange_headers)
        self._flags = frozenset((row.level, row.flag) for row in rows if row.flag)
        self._selectors = frozenset().union(*(row.query_markers for row in rows))
        self._routes = _routes(rows)
        self._known = {
            place: frozenset().union(self._selectors, *(route[4] for route in found))
            for place, found in self._routes.items()
        }

    def match(
        self,
        method: str,
        bucket: str | None,
        key: str | None,
        query: Iterable[str],
        headers: Iterable[str],
    ) -> Operation:
        """Return the row of a request.

        Args:
            method: the HTTP method.
            bucket: the bucket in the address, or None.
            key: the key in the address, or None.
            query: the names of its query parameters.
            headers: the lower-case names of its headers.

        Raises:
            NotImplementedOperation: the request has a parameter that no row for its address has, or
                a header of an operation that has no row.
            MethodNotAllowed: no row for the address has this method.
            InvalidArgument: the request has only some of a row's markers, such as partNumber alone,
                or too many.
        """
        names = frozenset(query)
        level = "object" if key else "bucket" if bucket else "service"
        selecting = names & self._selectors
        present = frozenset(headers)
        if strange := present & self._strange_headers:
            raise NotImplementedOperation(f"The header {min(strange)} is not implemented here")
        routes = self._routes.get((method, level), ())
        for operation, wanted, wanted_headers, known, allowed in routes:
            if wanted <= selecting <= known and wanted_headers <= present:
                if names <= allowed:
                    return operation
                if unknown := _unknown(names, allowed):
                    raise _not_implemented(unknown)
                return operation
        raise self._refusal(method, level, names, selecting)

    def _refusal(
        self, method: str, level: str, names: frozenset[str], selecting: frozenset[str]
    ) -> Exception:
        flags = {flag for _, flag in self._flags}
        if unknown := _unknown(names, self._known.get((method, level), self._selectors)):
            return _not_implemented(unknown)
        if len(selecting) > 1 or selecting - flags:
            return InvalidArgument(f"{method} with {', '.join(sorted(selecting))} is no operation")
        if any((level, name) in self._flags for name in selecting):
            return MethodNotAllowed(f"{method} is not allowed on this sub-resource")
        if selecting:
            name = min(selecting)
            return NotImplementedOperation(f"The sub-resource {name} is not implemented here")
        return MethodNotAllowed(f"{method} is not allowed on this resource")


def fit_any_operation(query: Iterable[str]) -> bool:
    """Return whether query parameters of these names fit any operation."""
    return not _unknown(frozenset(query), _IN_SIGNATURES)


def _unknown(names: frozenset[str], allowed: frozenset[str]) -> list[str]:
    """Return the names of parameters that a row does not have and may not ignore."""
    if _OLD_SIGNATURE in names:
        allowed |= _IN_OLD_SIGNATURES
    return [name for name in names - allowed if not _is_harmless(name)]


def _is_harmless(name: str) -> bool:
    # In upper case it may be a parameter with a meaning, and q-sign ignores case.
    lower = name.lower()
    return lower.startswith(_AMZ) or (name == lower and name.startswith(_PREFIXES))


def _not_implemented(names: Iterable[str]) -> NotImplementedOperation:
    return NotImplementedOperation(f"The parameter {min(names)[:60]!a} is not implemented here")


def _routes(rows: Iterable[Operation]) -> dict[tuple[str, str], tuple[_Route, ...]]:
    routes: dict[tuple[str, str], list[_Route]] = {}
    for row in rows:
        known = row.query_markers | {p.wire for p in row.params if p.place == "query"}
        allowed = known | _IN_SIGNATURES | _OF_ANSWERS
        if row.method in _READING:
            allowed |= _OF_READS
        route = (row, row.query_markers, row.header_markers, known, allowed)
        routes.setdefault((row.method, row.level), []).append(route)
    return {
        place: tuple(sorted(found, key=lambda route: -len(route[1]) - len(route[2])))
        for place, found in routes.items()
    }


# COS ignores headers of S3; to ignore these would run another operation, or skip a check.
_OF_S3 = ("x-amz-copy-source", "x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner")

match = Router(OPERATIONS, _OF_S3).match
