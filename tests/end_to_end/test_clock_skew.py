"""A client with a wrong clock works with a server whose clock is right."""

import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from coskit import RetryPolicy
from coskit.client.config import ClientConfig
from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.endpoint import parse_endpoint
from coskit.testing import LocalServer
from tests.support.worlds import World

ONCE = RetryPolicy(attempts=1)


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("dialect", ["cos", "s3"])
@pytest.mark.parametrize("wrong", [600, -3600])
def test_a_client_with_a_wrong_clock_works_and_presigns_as_before(
    server: LocalServer, kind: str, dialect: Any, wrong: float
) -> None:
    config = ClientConfig(
        parse_endpoint(server.endpoint),
        credentials=Credentials(server.secret_id, server.secret_key),
        retry=ONCE,
        clock=lambda: time.time() + wrong,
        dialect=dialect,
    )
    bucket = f"skew{kind}{dialect}{abs(wrong):.0f}-1250000000"
    with World(kind, config=config) as world:
        assert world.bucket_exists(bucket) is False  # HEAD: first a 403 without a body
        world.create_bucket(bucket)
        world.put_object(bucket, b"content", "k")
        assert world.fetch(bucket, "k") == b"content"
        url = world.client.get_presigned_url(bucket, "k", "GET")
    query = dict(parse_qsl(urlsplit(url).query))
    if dialect == "cos":
        start = int(query["q-sign-time"].split(";")[0])
        assert abs(start - time.time() - wrong) < 200
