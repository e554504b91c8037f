"""Which row of a table a request is: of those whose markers it has, the one with most wins.

A row lists the parameters that it knows. A request with any other is no operation, whatever else it
says: the sub-resource that a parameter names may be one that is not known here.
"""

from collections.abc import Collection, Iterable

from coskit.protocol.errors import InvalidArgument, MethodNotAllowed, NotImplementedOperation
from coskit.protocol.model import Operation
from coskit.protocol.operations import OPERATIONS, RESPONSE_OVERRIDES

_Names = frozenset[str]
_Route = tuple[Operation, _Names, _Names, _Names, _Names]

# Names that no row lists, since they are of every request in some place.
_IN_SIGNATURES = frozenset(
    """q-sign-algorithm q-ak q-sign-time q-key-time q-header-list q-url-param-list q-signature sign
    X-Amz-Algorithm X-Amz-Credential X-Amz-Date X-Amz-Expires X-Amz-Security-Token X-Amz-Signature
    X-Amz-SignedHeaders AWSAccessKeyId Signature Expires x-cos-security-token""".split()
)
# What signs a URL in version 2 of S3 puts these headers there, and other tools do not.
_IN_OLD_SIGNATURES = frozenset(("content-md5", "content-type"))
_OLD_SIGNATURE = "AWSAccessKeyId"
# "x-": S3 ignores such names and keeps them in its log; its SDKs for JavaScript and Go send x-id.
_PREFIXES = ("x-", "q-")
_AMZ = "x-amz-"  # headers of S3 in any case, which a signed URL carries
# How an answer is shown may be asked of each request; a row that does not know it leaves it out.
_OF_ANSWERS = frozenset(param.wire for param in RESPONSE_OVERRIDES)
_OF_READS = frozenset(
    ("unsed",)  # which the published tests of cos-python-sdk-v5 send (test_use_get_auth)
)
_READING = ("GET", "HEAD")


class Router:
    """Finds the rows of one table.

    Args:
        rows: of the table.
        strange_headers: lower-case names of headers that make another operation of a request, one
            without a row.
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
        """Return the row that a request is.

        Args:
            method: the HTTP method.
            bucket: from the address, or None.
            key: from the address, or None.
            query: the names of its query parameters.
            headers: the lower-case names of its headers.

        Raises:
            NotImplementedOperation: it has a parameter that no row for it knows, or a header that
                makes it an operation without a row.
            MethodNotAllowed: no row has this method here.
            InvalidArgument: it has a part of what selects a row, such as partNumber alone, or too
                much.
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


def is_of_any_request(query: Iterable[str]) -> bool:
    """Return whether the names of parameters are all such as make no request another one."""
    return not _unknown(frozenset(query), _IN_SIGNATURES)


def _unknown(names: frozenset[str], allowed: frozenset[str]) -> list[str]:
    """Return the names that make a request another one than a row for it."""
    if _OLD_SIGNATURE in names:
        allowed |= _IN_OLD_SIGNATURES
    return [name for name in names - allowed if not _is_harmless(name)]


def _is_harmless(name: str) -> bool:
    # In other letters it may be one that has a meaning, and q-sign does not tell them apart.
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


# Headers of S3 count for nothing here; of these that would be another operation, or less caution.
_OF_S3 = ("x-amz-copy-source", "x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner")

match = Router(OPERATIONS, _OF_S3).match
