"""Pipelined requests: the responses come in order, each complete."""

from tests.server.support.http_client import HTTPClient


def test_pipelined_requests_get_responses_in_order(http_client: HTTPClient, bucket: str) -> None:
    bodies = {name: name.encode() * size for name, size in (("a", 1), ("b", 40_000), ("c", 90_000))}
    for name, body in bodies.items():
        assert http_client.request("PUT", f"/{bucket}/{name}", {}, body).status == 200
    names = [*bodies] * 5
    with http_client.connect() as connection:
        connection.send(
            b"".join(http_client.build_request("GET", f"/{bucket}/{name}") for name in names)
        )
        responses = [connection.receive() for _ in names]
    assert [(a.status, a.body) for a in responses] == [(200, bodies[name]) for name in names]


def test_bodies_sent_together_are_stored_apart(http_client: HTTPClient, bucket: str) -> None:
    bodies = {"a": b"a" * 10, "b": b"b" * 200_000, "c": b"", "d": b"d" * 70_000}
    with http_client.connect() as connection:
        connection.send(
            b"".join(
                http_client.build_request("PUT", f"/{bucket}/{n}", {}, b) for n, b in bodies.items()
            )
        )
        assert [connection.receive().status for _ in bodies] == [200] * 4
    assert {n: http_client.request("GET", f"/{bucket}/{n}").body for n in bodies} == bodies


def test_a_response_that_closes_is_the_last_one(http_client: HTTPClient, bucket: str) -> None:
    closing = http_client.build_request("GET", f"/{bucket}/none", {"connection": "close"})
    with http_client.connect() as connection:
        connection.send(closing + http_client.build_request("GET", f"/{bucket}/none"))
        response = connection.receive()
        assert (response.outcome, response.closes) == ((404, "NoSuchKey"), True)
        assert connection.rest() == b""
