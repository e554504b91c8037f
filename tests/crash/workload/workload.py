"""A random sequence of changes to one client's keys."""

import random
from collections.abc import Callable, Iterator

from tests.crash.workload.changes import (
    LARGE,
    LARGER,
    MIB,
    PLAIN,
    SMALL,
    VERSIONED,
    Change,
    ChangeMaker,
)
from tests.crash.workload.model import NOTHING, Keys, Place

_LIKELY = (SMALL, SMALL, LARGE, LARGE, LARGE, LARGER)  # sizes
_MOST_VERSIONS = 3


class Workload(ChangeMaker):
    """A random sequence of changes to keys of its own.

    Args:
        name: of the keys, and of what is written.
        seed: of its thoughts.
    """

    def __init__(self, name: str, seed: str) -> None:
        super().__init__(name)
        self._random = random.Random(seed)
        self._plain = [f"{name}/{letter}" for letter in "abcd"]
        self._versioned = [f"{name}/{letter}" for letter in "abc"]
        self._log = f"{name}/log"

    def next_change(self, world: Keys) -> Change:
        """Return a change that is possible in the present state."""
        if self._random.random() < 0.35:
            return self._of_versions(world)
        return self._of_plain(world)

    def each_kind(self) -> Iterator[Callable[[Keys], Change]]:
        """Yield changes of every kind, in an order in which each has something to do."""
        a, b, c, log = ((PLAIN, f"{self.name}/{letter}") for letter in ("a", "b", "c", "log"))
        d = (VERSIONED, f"{self.name}/d")
        yield lambda w: self.put(w, a, SMALL)
        yield lambda w: self.put(w, b, LARGE)
        yield lambda w: self.put(w, b, LARGER)
        yield lambda w: self.replace(w, b, SMALL)
        yield lambda w: self.create(w, a, LARGE)
        yield lambda w: self.create(w, c, LARGE)
        yield lambda w: self.copy(w, c, a)
        yield lambda w: self.tag(w, a)
        yield lambda w: self.set_acl(w, a)
        yield lambda w: self.append(w, log, SMALL)
        yield lambda w: self.append(w, log, LARGE)
        yield lambda w: self.begin(w, b)
        yield lambda w: self.part(w, b, MIB)
        yield lambda w: self.part(w, b, LARGE)
        yield lambda w: self.complete(w, b)
        yield lambda w: self.begin(w, c)
        yield lambda w: self.part(w, c, LARGE)
        yield lambda w: self.part_again(w, c, LARGE)
        yield lambda w: self.abort(w, c)
        yield lambda w: self.put(w, d, LARGE)
        yield lambda w: self.put(w, d, SMALL)
        yield lambda w: self.copy(w, d, b)
        yield lambda w: self.delete(w, d)
        yield lambda w: self.delete_version(w, d, 2)
        yield lambda w: self.delete_version(w, d, 0)
        yield lambda w: self.delete(w, a)
        yield lambda w: self.delete_many(w, (b, c, log))

    def _of_plain(self, world: Keys) -> Change:
        key = self._random.choice(self._plain)
        place = PLAIN, key
        size = self._random.choice(_LIKELY)
        state = world.get(place, NOTHING)
        if state.uploads:
            return self._of_upload(world, place)
        if self._random.random() < 0.12:
            return self.append(world, (PLAIN, self._log), self._random.choice((SMALL, LARGE)))
        if not state.live:
            makings = (self.put, self.put, self.create)
            if self._random.random() < 0.3:
                return self.begin(world, place)
            return self._random.choice(makings)(world, place, size)
        other = PLAIN, self._random.choice([k for k in self._plain if k != key])
        options = (
            lambda: self.put(world, place, size),
            lambda: self.replace(world, place, size),
            lambda: self.create(world, place, size),
            lambda: self.copy(world, other, place),
            lambda: self.delete(world, place),
            lambda: self.delete_many(world, (place, other)),
            lambda: self.tag(world, place),
            lambda: self.set_acl(world, place),
            lambda: self.begin(world, place),
        )
        return self._random.choice(options)()

    def _of_upload(self, world: Keys, place: Place) -> Change:
        upload = world[place].uploads[-1]
        if self._random.random() < 0.15:
            return self.abort(world, place)
        if not upload.parts:
            return self.part(world, place, self._random.choice((LARGE, MIB)))
        if self._random.random() < 0.2:
            return self.part_again(world, place, LARGE)
        first = int(upload.parts[0][1].rpartition(".")[2])
        if len(upload.parts) == 1 and first == MIB:
            return self.part(world, place, LARGE)
        return self.complete(world, place)

    def _of_versions(self, world: Keys) -> Change:
        place = VERSIONED, self._random.choice(self._versioned)
        state = world.get(place, NOTHING)
        if len(state.versions) >= _MOST_VERSIONS:
            return self.delete_version(world, place, self._random.randrange(len(state.versions)))
        if not state.live:
            return self.put(world, place, self._random.choice(_LIKELY))
        source = PLAIN, self._random.choice(self._plain)
        if world.get(source, NOTHING).live and self._random.random() < 0.25:
            return self.copy(world, place, source)
        options = (
            lambda: self.put(world, place, self._random.choice(_LIKELY)),
            lambda: self.delete(world, place),
            lambda: self.tag(world, place),
        )
        return self._random.choice(options)()
