"""`coskit admin` cares for a directory: each command on a real server's directory, as a process."""

import json
import random
from pathlib import Path
from typing import Any

from coskit.testing import LocalServer
from tests.server.store.io.test_damage import flip
from tests.support.forked_command import coskit
from tests.support.forked_server import ForkedServer

BUCKET = "care-1250000000"
BODY = random.Random(12).randbytes(200_000)


def admin(*args: str | Path, expect: int = 0) -> str:
    """Run `coskit admin` and return what it says, if it fails to standard error."""
    done = coskit("admin", *args)
    assert done.returncode == expect, (done.stdout, done.stderr)
    return done.stdout or done.stderr


def told(*args: str | Path, expect: int = 0) -> Any:
    return json.loads(admin(*args, "--json", expect=expect))


def fill(server: LocalServer) -> None:
    with server.client() as client:
        client.put_bucket_versioning(BUCKET, "Enabled")
        for body in (b"old", BODY):
            client.put_object(BUCKET, body, "key", Metadata={"x-cos-meta-a": "b"})
        client.put_object(BUCKET, b"gone", "deleted")
        client.delete_object(BUCKET, "deleted")


def blob(directory: Path) -> Path:
    (file,) = (directory / "blobs").glob("*/*")
    return file


def test_fsck_and_scrub_find_damage_beside_a_server_and_without_one(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with ForkedServer(data, buckets=[BUCKET], options=["--scrub-rate", "0"]) as server:
        fill(server)
        assert told("fsck", data) == {
            "clean": True,
            "in_use": True,
            "repaired": [],
            "findings": [],
        }
        assert "a server uses the directory" in admin("fsck", data, "--repair", expect=1)
        assert told("scrub", data)["damaged"] == 0
        flip(blob(data), 150_000)
        assert told("scrub", data, expect=1)["damaged"] == 1
        with server.client() as client:
            assert client.head_object(BUCKET, "key")["Content-Length"] == "200000"
    found = told("fsck", data, expect=1)
    assert (found["clean"], found["in_use"]) == (False, False)
    (finding,) = found["findings"]
    assert (finding["kind"], finding["repairable"]) == ("blob-damaged", False)
    assert "key" in finding["what"]
    assert "blob-damaged" in admin("fsck", data, expect=1)
    flip(blob(data), 150_000)
    found = told("fsck", data, "--repair")
    assert [finding["kind"] for finding in found["repaired"]] == ["mark-obsolete"]
    assert admin("fsck", data).strip() == "clean"


def test_a_bucket_moves_from_one_server_to_another(tmp_path: Path) -> None:
    one, two, archive = tmp_path / "one", tmp_path / "two", tmp_path / "bucket.tar"
    with ForkedServer(one, buckets=[BUCKET]) as server, server.client() as client:
        fill(server)
        before = list(client.iter_versions(BUCKET))
        moved = told("export", one, BUCKET, archive)
        assert (moved["versions"], moved["left_out"]) == (4, [])
    assert told("import", two, archive)["versions"] == 4
    assert "is not empty" in admin("import", two, archive, expect=1)
    with ForkedServer(two) as server, server.client() as client:
        assert list(client.iter_versions(BUCKET)) == before
        assert "a server uses" in admin("import", two, archive, expect=1)
        got = client.get_object(BUCKET, "key")
        assert got["Body"].read() == BODY
        assert dict(got)["x-cos-meta-a"] == "b"
        assert client.get_bucket_versioning(BUCKET) == {"Status": "Enabled"}
    assert told("fsck", two)["clean"]


def test_a_backup_of_a_running_server_can_be_served(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy"
    with ForkedServer(data, buckets=[BUCKET]) as server:
        fill(server)
        done = told("backup", data, copy)
        assert (done["blobs"], done["added"], done["findings"]) == (1, 1, [])
        with server.client() as client:
            client.put_object(BUCKET, b"later", "later")
        assert told("backup", data, copy)["added"] == 0
    with ForkedServer(copy) as server, server.client() as client:
        assert client.get_object(BUCKET, "later")["Body"].read() == b"later"
        assert client.get_object(BUCKET, "key")["Body"].read() == BODY


def test_what_is_no_directory_of_a_server_is_told(tmp_path: Path) -> None:
    for command in ("fsck", "scrub"):
        assert "is no directory of a server" in admin(command, tmp_path, expect=1)
    for words in (("backup", tmp_path / "x"), ("export", BUCKET, "x.tar")):
        command, *others = words
        assert "is no directory of a server" in admin(command, tmp_path, *others, expect=1)
    (tmp_path / "x.tar").write_bytes(b"x")
    other = tmp_path / "other"
    assert "no whole tar" in admin("import", other, tmp_path / "x.tar", expect=1)
    assert not other.exists()


def test_the_error_for_a_damaged_index_names_its_file(tmp_path: Path) -> None:
    index = tmp_path / "index.db"
    index.write_bytes(b"no database" * 1000)
    assert f"{index}: file is not a database" in admin(
        "export", tmp_path, BUCKET, tmp_path / "x.tar", expect=1
    )
    assert str(index) in admin("fsck", tmp_path, expect=1)
