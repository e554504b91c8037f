"""Which row of the table a request is: of those whose markers it has, the one with most wins."""

from collections.abc import Iterable

from coskit.protocol.errors import InvalidArgument, MethodNotAllowed, NotImplementedOperation
from coskit.protocol.operations import OPERATIONS, OTHER_SUBRESOURCES
from coskit.protocol.spec import Operation


def match(
    method: str, bucket: str | None, key: str | None, query: Iterable[str], headers: Iterable[str]
) -> Operation:
    """Return the row that a request is.

    Args:
        method: the HTTP method.
        bucket: from the address, or None.
        key: from the address, or None.
        query: the names of its query parameters.
        headers: the lower-case names of its headers.

    Raises:
        NotImplementedOperation: it names a sub-resource that has no row.
        MethodNotAllowed: no row has this method here.
        InvalidArgument: it has a part of what selects a row, such as partNumber alone, or too much.
    """
    names = frozenset(query)
    if other := names & OTHER_SUBRESOURCES:
        raise NotImplementedOperation(f"The sub-resource {min(other)} is not implemented")
    level = "object" if key else "bucket" if bucket else "service"
    selecting = names & _SELECTORS
    present = frozenset(headers)
    for operation, wanted, wanted_headers, known in _ROUTES.get((method, level), ()):
        if wanted <= selecting <= known and wanted_headers <= present:
            return operation
    raise _refusal(method, level, selecting)


def _refusal(method: str, level: str, selecting: frozenset[str]) -> Exception:
    if len(selecting) > 1 or selecting - _FLAGS:
        return InvalidArgument(f"{method} with {', '.join(sorted(selecting))} is no operation")
    if selecting & {row.flag for row in OPERATIONS if row.level == level}:
        return MethodNotAllowed(f"{method} is not allowed on this sub-resource")
    if selecting:
        return NotImplementedOperation(f"The sub-resource {min(selecting)} is not implemented here")
    return MethodNotAllowed(f"{method} is not allowed on this resource")


_FLAGS = frozenset(row.flag for row in OPERATIONS if row.flag)
_SELECTORS = frozenset().union(*(row.query_markers for row in OPERATIONS))

_Route = tuple[Operation, frozenset[str], frozenset[str], frozenset[str]]


def _routes() -> dict[tuple[str, str], tuple[_Route, ...]]:
    routes: dict[tuple[str, str], list[_Route]] = {}
    for row in OPERATIONS:
        known = row.query_markers | {p.wire for p in row.params if p.place == "query"}
        route = (row, row.query_markers, row.header_markers, known)
        routes.setdefault((row.method, row.level), []).append(route)
    return {
        place: tuple(sorted(rows, key=lambda route: -len(route[1]) - len(route[2])))
        for place, rows in routes.items()
    }


_ROUTES = _routes()
