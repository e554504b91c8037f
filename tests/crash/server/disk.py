"""The state of a directory after a power cut: all synced data, and a random part of the rest.

Nothing is taken for granted that POSIX does not promise. Bytes are safe after a sync of their file
that began when they were there, names after one of their directory; a file whose name is lost is
lost. Of what was not synced anything may survive, in any order, and of a write any sector.
"""

import os
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.crash.server.observers import ROOT, Event

_SECTOR = 512  # bytes that a disk writes atomically
_NAMING = ("name", "unname", "rename")

# The part of unsynced data that survives.
Survivors = Literal["nothing", "names", "bytes", "some", "all"]
SURVIVORS: tuple[Survivors, ...] = ("nothing", "names", "bytes", "some", "all")


@dataclass(frozen=True)
class PowerCut:
    """A power cut.

    Attributes:
        at: the number of events before the cut.
        survivors: the unsynced data that survives.
        seed: the seed of random choices.
    """

    at: int
    survivors: Survivors
    seed: int = 0


def write_surviving(events: Sequence[Event], cut: PowerCut, directory: Path) -> None:
    """Write the directory that a power cut leaves.

    Args:
        events: all recorded events.
        cut: the power cut.
        directory: the directory to make.
    """
    rng = random.Random(f"{cut.seed}/{cut.at}")
    past = events[: cut.at]
    synced = _synced(past)
    names: dict[int, dict[str, int]] = defaultdict(dict)
    bodies: dict[int, bytearray] = defaultdict(bytearray)
    directories = {ROOT} | {event[3] for event in past if event[0] == "name" and event[4]}
    for number, event in enumerate(past):
        if event[0] in _NAMING:
            # A rename inside one directory is one change of it, and there is no other here.
            if number < synced.get(event[1], 0) or _survives(event, cut.survivors, rng):
                _rename(names, event)
        elif event[0] != "sync":
            if number < synced.get(event[1], 0):
                _write(bodies[event[1]], event)
            elif _survives(event, cut.survivors, rng):
                for piece in _torn(event, rng) if cut.survivors == "some" else (event,):
                    _write(bodies[event[1]], piece)
    _build(directory, ROOT, names, bodies, directories, {})


def _synced(past: Sequence[Event]) -> dict[int, int]:
    """Return, for each file and directory, the event before which all its data is safe."""
    found: dict[int, int] = {}
    for event in past:
        if event[0] == "sync":
            found[event[1]] = max(found.get(event[1], 0), event[2])
    return found


def _survives(event: Event, survivors: Survivors, rng: random.Random) -> bool:
    if survivors == "some":
        return rng.random() < 0.5
    return survivors == "all" or survivors == ("names" if event[0] in _NAMING else "bytes")


def _torn(event: Event, rng: random.Random) -> Iterator[Event]:
    """Yield the sectors of a write that reach the disk."""
    if event[0] != "write" or rng.random() < 0.5:
        yield event
        return
    _, number, offset, data = event
    place = 0
    while place < len(data):
        end = min(len(data), place + _SECTOR - (offset + place) % _SECTOR)
        if rng.random() < 0.5:
            yield ("write", number, offset + place, data[place:end])
        place = end


def _rename(names: dict[int, dict[str, int]], event: Event) -> None:
    match event:
        case ("name", directory, name, number, _):
            names[directory][name] = number
        case ("unname", directory, name):
            names[directory].pop(name, None)
        case ("rename", directory, name, other, new_name):
            number = names[directory].pop(name, None)
            if number is not None:
                names[other][new_name] = number


def _write(body: bytearray, event: Event) -> None:
    if event[0] == "truncate":
        size = event[2]
        del body[size:]
    else:
        _, _, size, data = event
        body.extend(bytes(max(0, size + len(data) - len(body))))
        body[size : size + len(data)] = data
        return
    body.extend(bytes(size - len(body)))


def _build(
    path: Path,
    number: int,
    names: dict[int, dict[str, int]],
    bodies: dict[int, bytearray],
    directories: set[int],
    made: dict[int, Path],
) -> None:
    path.mkdir()
    for name, child in names[number].items():
        if child in directories:
            _build(path / name, child, names, bodies, directories, made)
        elif child in made:
            os.link(made[child], path / name)
        else:
            made[child] = path / name
            made[child].write_bytes(bodies[child])
