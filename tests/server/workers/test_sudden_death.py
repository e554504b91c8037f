"""A server that is killed in the middle of everything has lost nothing that it acknowledged."""

import signal
import threading
from pathlib import Path

import pytest

from coskit import Client, RetryPolicy, TransportSettings
from coskit.protocol.errors import CosException, InvalidObjectState, RestoreAlreadyInProgress
from coskit.testing import LocalServer
from tests.support.forked_server import ForkedServer

BUCKET = "killed-1250000000"
TAGS = {"TagSet": {"Tag": [{"Key": "color", "Value": "blue"}]}}


def impatient(server: LocalServer) -> Client:
    """Return a client that does not wait for a server which has gone."""
    return Client(
        endpoint=server.endpoint,
        secret_id=server.secret_id,
        secret_key=server.secret_key,
        retry=RetryPolicy(attempts=1),
        transport=TransportSettings(proxy="", read_timeout=20),
    )


def test_every_kind_of_state_survives_a_kill(tmp_path: Path) -> None:
    with ForkedServer(tmp_path / "data", buckets=[BUCKET]) as server, server.client() as client:
        client.put_bucket_versioning(BUCKET, "Enabled")
        client.put_bucket_acl(BUCKET, ACL="public-read")
        first = client.put_object(BUCKET, b"one", "versioned")["x-cos-version-id"]
        client.put_object(BUCKET, b"two", "versioned")
        marker = client.delete_object(BUCKET, "versioned")["x-cos-version-id"]
        client.put_object(BUCKET, b"tagged", "tagged", ACL="private", Tagging="color=blue")
        client.put_object(BUCKET, b"cold", "archived", StorageClass="ARCHIVE")
        client.restore_object(BUCKET, "archived", {"Days": 3})
        upload = client.create_multipart_upload(BUCKET, "parts", ContentType="text/parts")
        part = client.upload_part(BUCKET, "parts", b"p" * 300_000, 1, upload["UploadId"])
        server.stop(signal.SIGKILL)
    with ForkedServer(tmp_path / "data") as server, server.client() as client:
        assert client.get_bucket_versioning(BUCKET) == {"Status": "Enabled"}
        assert client.get_bucket_acl(BUCKET)["CannedACL"] == "public-read"
        listed = [entry["VersionId"] for entry in client.iter_versions(BUCKET, "versioned")]
        assert (listed[0], listed[-1], len(listed)) == (marker, first, 3)
        old = client.get_object(BUCKET, "versioned", VersionId=first)
        assert old["Body"].read() == b"one"
        assert client.get_object_tagging(BUCKET, "tagged") == TAGS
        assert client.get_object_acl(BUCKET, "tagged")["CannedACL"] == "private"
        with pytest.raises(RestoreAlreadyInProgress):
            client.restore_object(BUCKET, "archived", {"Days": 3})
        with pytest.raises(InvalidObjectState):
            client.get_object(BUCKET, "archived")
        client.complete_multipart_upload(
            BUCKET,
            "parts",
            upload["UploadId"],
            {"Part": [{"PartNumber": 1, "ETag": part["ETag"]}]},
        )
        whole = client.get_object(BUCKET, "parts")
        assert whole["Content-Type"] == "text/parts"
        assert whole["Body"].read() == b"p" * 300_000


def test_no_acknowledged_write_is_lost_and_none_is_half_there(tmp_path: Path) -> None:
    """Six writers, small and large bodies, one kill after the hundredth acknowledgement."""
    acknowledged: dict[str, bytes] = {}
    attempted: dict[str, bytes] = {}
    enough, lock = threading.Event(), threading.Lock()

    def write(client: Client, number: int) -> None:
        for turn in range(10_000):
            key, body = (
                f"{number}/{turn}",
                f"{number}-{turn}".encode() * (10 if turn % 3 else 20_000),
            )
            attempted[key] = body
            try:
                client.put_object(BUCKET, body, key)
            except CosException:
                return
            with lock:
                acknowledged[key] = body
                if len(acknowledged) >= 100:
                    enough.set()

    with ForkedServer(tmp_path / "data", buckets=[BUCKET]) as server, impatient(server) as client:
        writers = [threading.Thread(target=write, args=(client, number)) for number in range(6)]
        for writer in writers:
            writer.start()
        assert enough.wait(60)
        server.stop(signal.SIGKILL)
        for writer in writers:
            writer.join()
    with ForkedServer(tmp_path / "data") as server, server.client() as client:
        stored = {entry["Key"]: int(entry["Size"]) for entry in client.iter_objects(BUCKET)}
        assert acknowledged.keys() <= stored.keys()
        assert stored.keys() <= attempted.keys()
        for key, size in stored.items():
            assert size == len(attempted[key]), key
            assert client.get_object(BUCKET, key)["Body"].read() == attempted[key], key
    assert list((tmp_path / "data" / "tmp").iterdir()) == []
