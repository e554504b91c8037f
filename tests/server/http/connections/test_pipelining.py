"""Requests that come before the answer to the one before: answered in order, each whole."""

from tests.server.support.wire import Peer


def test_requests_sent_together_are_answered_in_order(peer: Peer, bucket: str) -> None:
    bodies = {name: name.encode() * size for name, size in (("a", 1), ("b", 40_000), ("c", 90_000))}
    for name, body in bodies.items():
        assert peer.ask("PUT", f"/{bucket}/{name}", {}, body).status == 200
    names = [*bodies] * 5
    with peer.line() as line:
        line.send(b"".join(peer.request("GET", f"/{bucket}/{name}") for name in names))
        answers = [line.receive() for _ in names]
    assert [(a.status, a.body) for a in answers] == [(200, bodies[name]) for name in names]


def test_bodies_sent_together_are_stored_apart(peer: Peer, bucket: str) -> None:
    bodies = {"a": b"a" * 10, "b": b"b" * 200_000, "c": b"", "d": b"d" * 70_000}
    with peer.line() as line:
        line.send(b"".join(peer.request("PUT", f"/{bucket}/{n}", {}, b) for n, b in bodies.items()))
        assert [line.receive().status for _ in bodies] == [200] * 4
    assert {n: peer.ask("GET", f"/{bucket}/{n}").body for n in bodies} == bodies


def test_an_answer_that_closes_is_the_last_one(peer: Peer, bucket: str) -> None:
    closing = peer.request("GET", f"/{bucket}/none", {"connection": "close"})
    with peer.line() as line:
        line.send(closing + peer.request("GET", f"/{bucket}/none"))
        answer = line.receive()
        assert (answer.outcome, answer.closes) == ((404, "NoSuchKey"), True)
        assert line.rest() == b""
