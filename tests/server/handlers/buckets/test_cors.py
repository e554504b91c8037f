"""CORS: preflights, and the headers of every response."""

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from tests.server.support.wire import Peer, Reply

RULES = b"""<CORSConfiguration>
<CORSRule><ID>one</ID><AllowedOrigin>https://a.example</AllowedOrigin>
<AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod>
<AllowedHeader>x-cos-*</AllowedHeader><AllowedHeader>Authorization</AllowedHeader>
<ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>600</MaxAgeSeconds></CORSRule>
<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>
</CORSConfiguration>"""
ALLOWED = {"origin": "https://a.example", "access-control-request-method": "PUT"}


@pytest.fixture
def place(peer: Peer, bucket: str) -> str:
    """Give a bucket with rules."""
    assert configure(peer, bucket, RULES).outcome == (200, "")
    return bucket


def configure(peer: Peer, bucket: str, document: bytes) -> Reply:
    headers = {"content-md5": content_md5(document)}
    return peer.ask("PUT", f"/{bucket}/?cors", headers, document)


def shared(reply: Reply) -> dict[str, str]:
    """Return what an answer tells a browser."""
    return {
        name: value
        for name, value in reply.fields
        if name.startswith("Access-Control-") or name == "Vary"
    }


def test_rules_are_put_read_and_deleted(peer: Peer, place: str) -> None:
    read = peer.ask("GET", f"/{place}/?cors")
    assert read.texts("AllowedOrigin") == ["https://a.example", "*"]
    assert read.texts("AllowedMethod") == ["PUT", "GET", "GET"]
    assert (read.text("ID"), read.text("MaxAgeSeconds")) == ("one", "600")
    assert peer.ask("DELETE", f"/{place}/?cors").status == 204
    assert peer.ask("GET", f"/{place}/?cors").outcome == (404, "NoSuchCORSConfiguration")
    assert peer.ask("DELETE", f"/{place}/?cors").status == 204
    assert ask_first(peer, place, **ALLOWED).outcome == (403, "AccessForbidden")


def ask_first(peer: Peer, bucket: str, **headers: str) -> Reply:
    return peer.ask("OPTIONS", f"/{bucket}/any/key?acl", headers, signed=False)


def test_a_preflight_is_answered_without_a_signature(peer: Peer, place: str) -> None:
    asked = {**ALLOWED, "access-control-request-headers": "authorization, x-cos-acl"}
    reply = ask_first(peer, place, **asked)
    assert (reply.status, reply.body) == (200, b"")
    assert shared(reply) == {
        "Access-Control-Allow-Origin": "https://a.example",
        "Access-Control-Allow-Methods": "PUT,GET",
        "Access-Control-Allow-Headers": "authorization,x-cos-acl",
        "Access-Control-Expose-Headers": "ETag",
        "Access-Control-Max-Age": "600",
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }


@pytest.mark.parametrize(
    "changed",
    [
        {"origin": "https://b.example"},
        {"access-control-request-method": "DELETE"},
        {"access-control-request-method": ""},
        {"access-control-request-headers": "range"},
        {"origin": ""},
    ],
    ids=str,
)
def test_a_preflight_that_no_rule_allows_is_forbidden(
    peer: Peer, place: str, changed: dict[str, str]
) -> None:
    reply = ask_first(peer, place, **{**ALLOWED, **changed})
    assert reply.outcome == (403, "AccessForbidden")
    assert "Access-Control-Allow-Origin" not in reply


def test_a_preflight_needs_a_bucket(peer: Peer) -> None:
    assert ask_first(peer, "absent-1250000000", **ALLOWED).outcome == (404, "NoSuchBucket")
    service = peer.ask("OPTIONS", "/", ALLOWED, signed=False)
    assert service.outcome == (403, "AccessForbidden")


def test_every_answer_to_an_allowed_origin_says_so(peer: Peer, place: str) -> None:
    origin = {"origin": "https://a.example"}
    expected = {
        "Access-Control-Allow-Origin": "https://a.example",
        "Access-Control-Allow-Methods": "PUT,GET",
        "Access-Control-Expose-Headers": "ETag",
        "Access-Control-Max-Age": "600",
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }
    answers = [
        peer.ask("PUT", f"/{place}/key", origin, b"x"),
        peer.ask("GET", f"/{place}/key", origin),
        peer.ask("GET", f"/{place}/absent", origin),
        peer.ask("GET", f"/{place}/key", origin, signed=False),
        peer.ask("GET", f"/{place}/key?uploads&acl", origin),
        peer.ask("GET", f"/{place}/key", {**origin, "authorization": "q"}, signed=False),
    ]
    assert [reply.status for reply in answers] == [200, 200, 404, 403, 400, 403]
    assert [shared(reply) for reply in answers] == [expected] * len(answers)


def test_other_answers_only_say_that_they_vary(peer: Peer, place: str) -> None:
    vary = {"Vary": "Origin"}
    assert shared(peer.ask("PUT", f"/{place}/key", {"origin": "https://b.example"}, b"x")) == vary
    assert shared(peer.ask("GET", f"/{place}/key")) == vary
    assert shared(peer.ask("HEAD", f"/{place}/key", {"origin": "https://a.example"})) == vary
    anybody = peer.ask("GET", f"/{place}/key", {"origin": "https://b.example"})
    assert shared(anybody)["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in anybody


def test_a_bucket_without_rules_says_nothing_to_browsers(peer: Peer, bucket: str) -> None:
    reply = peer.ask("PUT", f"/{bucket}/key", {"origin": "https://a.example"}, b"x")
    assert (reply.status, shared(reply)) == (200, {})


RULE = b"<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"<CORSConfiguration/>", "MalformedXML"),
        (b"<CORSConfiguration>" + RULE * 101 + b"</CORSConfiguration>", "InvalidArgument"),
        (
            b"<CORSConfiguration>" + RULE.replace(b"GET", b"PATCH") + b"</CORSConfiguration>",
            "InvalidArgument",
        ),
        (b"<Tagging/>", "MalformedXML"),
        (b"", "MissingRequestBodyError"),
    ],
    ids=["no rule", "101 rules", "another method", "another document", "nothing"],
)
def test_bad_rules_leave_the_good_ones(peer: Peer, place: str, document: bytes, code: str) -> None:
    assert configure(peer, place, document).outcome == (400, code)
    assert len(peer.ask("GET", f"/{place}/?cors").texts("CORSRule")) == 2
