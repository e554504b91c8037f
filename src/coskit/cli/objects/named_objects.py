"""Objects that arguments name: each by its key, or many by a pattern."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from coskit.cli.arguments.locations import CosLocation
from coskit.cli.objects.listing import entries
from coskit.cli.terminal.failures import FailureList
from coskit.protocol.errors import CosException

if TYPE_CHECKING:
    from coskit import Client


def named_objects(
    client: "Client", places: Iterable[CosLocation], failures: FailureList, *, raw: bool = False
) -> Iterator[CosLocation]:
    """Yield the locations of objects; the matches of a pattern come in byte order of their keys.

    Args:
        client: the client that lists what matches a pattern.
        places: objects, and patterns unless `raw`.
        failures: takes the patterns that match nothing or cannot be listed.
        raw: take glob characters in keys as they are.
    """
    for place in places:
        if raw or not place.is_pattern:
            yield place
            continue
        found = False
        try:
            for entry in entries(client, place):
                found = True
                yield place.with_key(entry.key)
        except CosException as cause:
            failures.add(str(place), cause)
        else:
            if not found:
                failures.add(str(place), "no key matches; --raw takes * ? [ as they are")
