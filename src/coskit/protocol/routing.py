"""Which row of a table a request is: of those whose markers it has, the one with most wins."""

from collections.abc import Collection, Iterable

from coskit.protocol.errors import InvalidArgument, MethodNotAllowed, NotImplementedOperation
from coskit.protocol.operations import OPERATIONS, OTHER_SUBRESOURCES
from coskit.protocol.spec import Operation

_Route = tuple[Operation, frozenset[str], frozenset[str], frozenset[str]]


class Router:
    """Finds the rows of one table.

    Args:
        rows: of the table.
        strangers: names of sub-resources that have no row.
    """

    def __init__(self, rows: Collection[Operation], strangers: Iterable[str]) -> None:
        self._strangers = frozenset(strangers)
        self._flags = frozenset((row.level, row.flag) for row in rows if row.flag)
        self._selectors = frozenset().union(*(row.query_markers for row in rows))
        self._routes = _routes(rows)

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
            NotImplementedOperation: it names a sub-resource that has no row.
            MethodNotAllowed: no row has this method here.
            InvalidArgument: it has a part of what selects a row, such as partNumber alone, or too
                much.
        """
        names = frozenset(query)
        if other := names & self._strangers:
            raise NotImplementedOperation(f"The sub-resource {min(other)} is not implemented")
        level = "object" if key else "bucket" if bucket else "service"
        selecting = names & self._selectors
        present = frozenset(headers)
        for operation, wanted, wanted_headers, known in self._routes.get((method, level), ()):
            if wanted <= selecting <= known and wanted_headers <= present:
                return operation
        raise self._refusal(method, level, selecting)

    def _refusal(self, method: str, level: str, selecting: frozenset[str]) -> Exception:
        flags = {flag for _, flag in self._flags}
        if len(selecting) > 1 or selecting - flags:
            return InvalidArgument(f"{method} with {', '.join(sorted(selecting))} is no operation")
        if any((level, name) in self._flags for name in selecting):
            return MethodNotAllowed(f"{method} is not allowed on this sub-resource")
        if selecting:
            name = min(selecting)
            return NotImplementedOperation(f"The sub-resource {name} is not implemented here")
        return MethodNotAllowed(f"{method} is not allowed on this resource")


def _routes(rows: Iterable[Operation]) -> dict[tuple[str, str], tuple[_Route, ...]]:
    routes: dict[tuple[str, str], list[_Route]] = {}
    for row in rows:
        known = row.query_markers | {p.wire for p in row.params if p.place == "query"}
        route = (row, row.query_markers, row.header_markers, known)
        routes.setdefault((row.method, row.level), []).append(route)
    return {
        place: tuple(sorted(found, key=lambda route: -len(route[1]) - len(route[2])))
        for place, found in routes.items()
    }


match = Router(OPERATIONS, OTHER_SUBRESOURCES).match
