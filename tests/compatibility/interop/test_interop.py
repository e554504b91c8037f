"""Published clients of other projects still have the abilities that matrix.json lists.

They are installed from package registries. Without npm's registry the two clients that need it
are skipped. Without Python's, leave the folder out:
`scripts/test --ignore=tests/compatibility/interop`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compatibility.interop.capabilities import ABILITIES, LISTED, Mismatch, content
from tests.compatibility.interop.client_matrix import CLIENTS, ClientMatrix, RoundResult
from tests.compatibility.interop.client_rounds import Client, Head, Listing, Workspace
from tests.compatibility.interop.matrix import differences, page_is_current, recorded, table
from tests.compatibility.interop.venvs import RegistryUnavailable

pytestmark = pytest.mark.timeout(600)  # the first round waits for the installation


@pytest.fixture(scope="module")
def client_matrix() -> Iterator[ClientMatrix]:
    """Start the rounds of all clients, two at a time."""
    with ClientMatrix() as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_has_the_abilities_of_the_matrix(name: str, client_matrix: ClientMatrix) -> None:
    try:
        shown = client_matrix.result(name)
    except RegistryUnavailable as reason:
        pytest.skip(f"the registry of npm is unreachable: {reason}")
    assert differences(name, shown) == []


def test_every_client_and_every_ability_is_in_the_matrix() -> None:
    assert [*recorded()] == [*CLIENTS]
    assert all([*row["abilities"]] == [*ABILITIES] for row in recorded().values())


def test_every_missing_ability_has_a_reason() -> None:
    for name, row in recorded().items():
        for ability, response in row["abilities"].items():
            assert response["ok"] is True or response["note"], f"{name}, {ability}"


def test_the_table_in_the_documentation_is_that_of_the_matrix() -> None:
    assert page_is_current(), "run `make interop`"


def test_a_lost_ability_is_reported_with_the_clients_error() -> None:
    name, row = next(iter(recorded().items()))
    responses = {
        ability: {**response, "detail": ""} for ability, response in row["abilities"].items()
    }
    shown = RoundResult(row["client"], row["version"], row["dialect"], responses)
    assert differences(name, shown) == []
    shown.results["copy"] = {"ok": False, "detail": "NoSuchKey"}
    [said] = differences(name, shown)
    assert "copy: yes became **no**: NoSuchKey" in said


def test_the_table_shows_abilities_and_notes_missing_ones() -> None:
    abilities = {ability: {"ok": True, "note": ""} for ability in ABILITIES}
    abilities["tags"] = {"ok": None, "note": "no method"}
    client = {"client": "a", "version": "1", "dialect": "S3", "abilities": abilities}
    abilities["put"] = {"ok": True, "note": "not empty"}
    written = table({"x": client})
    assert "| a [1] | 1 | S3 | yes* | yes |" in written
    assert "1. a – put: not empty; tags: no method\n" in written


class WrongClient(Client):
    """A client whose methods all succeed with wrong results."""

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
def test_wrong_results_are_no_ability(ability: str, tmp_path: Path) -> None:
    with pytest.raises(Mismatch):
        ABILITIES[ability](
            WrongClient(Workspace(0, "", "", "", "own", "versioned", "shared", tmp_path))
        )
