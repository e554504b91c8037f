"""`coskit uploads`: unfinished uploads listed, measured and aborted."""

import json
import re

import pytest

from coskit import Client
from tests.cli.conftest import CommandResult, Coskit

KEYS = ("docs/a b.zip", "docs/中文.zip", "other.zip")
AGE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  +\d+s  ")


@pytest.fixture
def started(client: Client, bucket: str) -> dict[str, str]:
    """The ids of three uploads with a part of 5 bytes each, by their keys."""
    ids = {key: client.create_multipart_upload(bucket, key)["UploadId"] for key in KEYS}
    for key, upload_id in ids.items():
        client.upload_part(bucket, key, b"12345", 1, upload_id)
    return ids


def plain(done: CommandResult) -> list[str]:
    """Return the lines with AGE in the place of date and age."""
    return [AGE.sub("AGE  ", line) for line in done.lines]


def left(client: Client, bucket: str) -> list[str]:
    """Return the keys of the uploads that a bucket has."""
    return [upload["Key"] for upload in client.iter_uploads(bucket)]


def test_a_list_in_a_pipe(coskit: Coskit, bucket: str, started: dict[str, str]) -> None:
    done = coskit("uploads", f"cos://{bucket}")
    assert (done.status, done.error) == (0, "")
    assert plain(done) == [f"AGE  {started[key]}  {key}" for key in KEYS]


def test_a_list_on_a_terminal_with_parts(
    coskit: Coskit, bucket: str, started: dict[str, str]
) -> None:
    done = coskit("uploads", "ls", "--parts", "-h", f"cos://{bucket}/docs/a", columns=80)
    assert plain(done) == [f"AGE      1 part            5 B  {started[KEYS[0]]}  'docs/a b.zip'"]


def test_json_names_the_upload(coskit: Coskit, bucket: str, started: dict[str, str]) -> None:
    lines = coskit("uploads", "--json", "--parts", f"cos://{bucket}/other*").lines
    facts = json.loads(lines[0])
    assert facts.pop("began")
    assert facts == {
        "type": "upload",
        "key": "other.zip",
        "upload_id": started["other.zip"],
        "parts": 1,
        "size": 5,
    }


def test_a_dry_run_and_an_age_abort_nothing(
    coskit: Coskit, client: Client, bucket: str, started: dict[str, str]
) -> None:
    done = coskit("uploads", "abort", "-n", f"cos://{bucket}/docs/")
    assert done.lines == [f"would abort cos://{bucket}/{key} {started[key]}" for key in KEYS[:2]]
    done = coskit("uploads", "abort", "--older-than", "7d", f"cos://{bucket}")
    assert (done.status, done.output) == (0, "")
    assert left(client, bucket) == list(KEYS)


def test_abort_below_a_prefix(
    coskit: Coskit, client: Client, bucket: str, started: dict[str, str]
) -> None:
    place = f"cos://{bucket}/docs/"
    assert coskit("uploads", "abort", place).status == 2
    done = coskit("uploads", "abort", place, stdin=b"\n", columns=80)
    assert (done.status, left(client, bucket)) == (1, list(KEYS))
    assert done.error.startswith(f"Abort 2 unfinished uploads in {place}? [y/N] ")
    done = coskit("uploads", "abort", "--yes", place)
    assert (done.status, left(client, bucket)) == (0, ["other.zip"])
    assert sorted(done.lines) == [f"aborted {place[:-5]}{key} {started[key]}" for key in KEYS[:2]]


def test_abort_one_by_its_id(
    coskit: Coskit, client: Client, bucket: str, started: dict[str, str]
) -> None:
    done = coskit("uploads", "abort", "--yes", f"cos://{bucket}", "--id", started[KEYS[1]])
    assert (done.status, left(client, bucket)) == (0, [KEYS[0], KEYS[2]])
    done = coskit("uploads", "abort", "--yes", f"cos://{bucket}", "--id", "none")
    assert done.status == 1
    assert "there is no upload none" in done.error


def test_service_options_may_stand_before_the_command_below(coskit: Coskit) -> None:
    done = coskit(
        "--endpoint", "http://127.0.0.1:9", "uploads", "abort", "--yes", "cos://b-1250000000"
    )
    assert done.status == 1
    assert "127.0.0.1:9" in done.error


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("uploads", "Missing argument 'LOCATION'"),
        ("uploads cos://", "name a bucket"),
        ("uploads abrot", "Did you mean abort?"),
        ("uploads abort --older-than soon cos://b", "not 'soon'"),
    ],
)
def test_usage_errors(coskit: Coskit, words: str, error: str) -> None:
    done = coskit(*words.split())
    assert done.status == 2
    assert error in done.error
