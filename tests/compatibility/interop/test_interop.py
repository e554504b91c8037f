"""Other people's clients, unchanged: each can still do what matrix.json says.

What has to be installed for it comes from package registries. Where there is none of npm, the two
clients that need it are skipped; where there is none of Python, leave all of them out with
`scripts/test --ignore=tests/compatibility/interop`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compatibility.interop.capabilities import ABILITIES, LISTED, Failure, content
from tests.compatibility.interop.client_matrix import CLIENTS, Fleet, Round
from tests.compatibility.interop.client_rounds import Client, Head, Listing, Place
from tests.compatibility.interop.matrix import differences, page_is_current, recorded, table
from tests.compatibility.interop.venvs import NoPackages

pytestmark = pytest.mark.timeout(600)  # the first round waits for what is installed


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """Begin the rounds of all clients, two at a time."""
    with Fleet() as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_can_do_what_is_written_of_it(name: str, fleet: Fleet) -> None:
    try:
        shown = fleet.result(name)
    except NoPackages as reason:
        pytest.skip(f"the registry of npm is not to be reached: {reason}")
    assert differences(name, shown) == []


def test_every_client_and_every_ability_is_in_the_matrix() -> None:
    assert [*recorded()] == [*CLIENTS]
    assert all([*row["abilities"]] == [*ABILITIES] for row in recorded().values())


def test_whatever_does_not_work_says_why() -> None:
    for name, row in recorded().items():
        for ability, answer in row["abilities"].items():
            assert answer["ok"] is True or answer["note"], f"{name}, {ability}"


def test_the_table_in_the_documentation_is_that_of_the_matrix() -> None:
    assert page_is_current(), "run `make interop`"


def test_an_ability_that_was_lost_is_named_with_the_clients_own_words() -> None:
    name, row = next(iter(recorded().items()))
    answers = {ability: {**answer, "detail": ""} for ability, answer in row["abilities"].items()}
    shown = Round(row["client"], row["version"], row["dialect"], answers)
    assert differences(name, shown) == []
    shown.answers["copy"] = {"ok": False, "detail": "NoSuchKey"}
    [said] = differences(name, shown)
    assert "copy: yes became **no**: NoSuchKey" in said


def test_the_table_shows_what_works_and_notes_what_does_not() -> None:
    abilities = {ability: {"ok": True, "note": ""} for ability in ABILITIES}
    abilities["tags"] = {"ok": None, "note": "has no call for them"}
    client = {"client": "a", "version": "1", "dialect": "S3", "abilities": abilities}
    abilities["put"] = {"ok": True, "note": "not empty"}
    written = table({"x": client})
    assert "| a [1] | 1 | S3 | yes* | yes |" in written
    assert "1. a – put: not empty; tags: has no call for them\n" in written


class Liar(Client):
    """A client that answers everything, and nothing as it was stored."""

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Store nothing."""

    def get(self, bucket: str, key: str) -> bytes:
        return b"something"

    def get_range(self, bucket: str, key: str, first: int, last: int) -> bytes:
        return content(key)  # all of it

    def head(self, bucket: str, key: str) -> Head | None:
        return Head(1)

    def listed(self, bucket: str, prefix: str, delimiter: str) -> Listing:
        return Listing([key for key in LISTED if key.startswith(prefix)])  # no prefixes

    def put_new(self, bucket: str, key: str, body: bytes) -> bool:
        return True

    def upload(self, path: Path, bucket: str, key: str) -> None:
        """Store nothing."""

    def download(self, bucket: str, key: str, path: Path) -> None:
        path.write_bytes(b"x")


LIES = ["put", "get", "range", "head", "list", "100 MB", "special keys", "conditional PUT"]


@pytest.mark.parametrize("ability", LIES)
def test_no_ability_is_had_by_answers_alone(ability: str, tmp_path: Path) -> None:
    with pytest.raises(Failure):
        ABILITIES[ability](Liar(Place(0, "", "", "", "own", "versioned", "shared", tmp_path)))
