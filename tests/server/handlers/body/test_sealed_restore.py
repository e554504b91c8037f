"""Restore of an object under a customer key: its headers are checked if they are sent.

Sources: vendor: SSE-C (HEAD and restore take the key's headers); S3's RestoreObject has none.
"""

import pytest

from tests.server.handlers.body.test_server_side_encryption import customer
from tests.server.support.http_client import HTTPClient
from tests.server.support.s3 import S3HTTPClient

OWN, OTHER = b"k" * 32, b"o" * 32
DOCUMENT = b"<RestoreRequest><Days>1</Days></RestoreRequest>"
SENT = [
    ({}, 202),
    (customer(OWN), 202),
    (customer(OTHER), 400),
    ({**customer(OWN), "x-cos-server-side-encryption-customer-algorithm": "AES128"}, 400),
]


@pytest.mark.parametrize(("headers", "status"), SENT, ids=["none", "right", "wrong", "malformed"])
@pytest.mark.parametrize("of_s3", [False, True], ids=["cos", "s3"])
def test_the_key_of_a_restore_is_checked(
    http_client: HTTPClient, bucket: str, headers: dict[str, str], status: int, of_s3: bool
) -> None:
    archived = {**customer(OWN), "x-cos-storage-class": "ARCHIVE"}
    assert http_client.request("PUT", f"/{bucket}/k", archived, b"x").status == 200
    sent = {name.replace("x-cos", "x-amz") if of_s3 else name: t for name, t in headers.items()}
    who = S3HTTPClient(http_client) if of_s3 else http_client
    reply = who.request("POST", f"/{bucket}/k?restore", sent, DOCUMENT)
    assert reply.status == status, reply.body
    returned = http_client.request("HEAD", f"/{bucket}/k", customer(OWN))
    assert ("x-cos-restore" in returned) is (status == 202)


def test_a_key_for_an_object_without_one_is_refused(http_client: HTTPClient, bucket: str) -> None:
    plain = {"x-cos-storage-class": "ARCHIVE"}
    assert http_client.request("PUT", f"/{bucket}/k", plain, b"x").status == 200
    reply = http_client.request("POST", f"/{bucket}/k?restore", customer(OWN), DOCUMENT)
    assert reply.text("Code") == "SSEHeaderNotAllowed"
