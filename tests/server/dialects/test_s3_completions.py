"""A completion that is sent again, because the answer to the first was lost."""

from tests.server.support.s3 import ask
from tests.server.support.wire import Peer

PART = b"5" * 100


def completed(peer: Peer, target: str) -> tuple[str, bytes, str]:
    """Return the query and the document of a completion, and the ETag that it answered."""
    upload = ask(peer, "POST", f"{target}?uploads").text("UploadId")
    etag = ask(peer, "PUT", f"{target}?partNumber=3&uploadId={upload}", {}, PART)["ETag"]
    part = f"<Part><PartNumber>3</PartNumber><ETag>{etag}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
    reply = ask(peer, "POST", f"{target}?uploadId={upload}", {}, document)
    assert reply.status == 200, reply.body
    return f"?uploadId={upload}", document, reply.text("ETag")


def test_a_completion_succeeds_again_while_its_object_lives(peer: Peer, room: str) -> None:
    target = f"/{room}/again"
    query, document, etag = completed(peer, target)
    again = ask(peer, "POST", target + query, {}, document)
    assert (again.status, again.text("ETag")) == (200, etag)
    assert ask(peer, "GET", target).body == PART
    assert ask(peer, "PUT", target, {}, b"newer").status == 200
    assert ask(peer, "POST", target + query, {}, document).outcome == (404, "NoSuchUpload")
    assert ask(peer, "GET", target).body == b"newer"


def test_a_completion_of_cos_does_not(peer: Peer, room: str) -> None:
    target = f"/{room}/once"
    query, document, _ = completed(peer, target)
    assert peer.ask("POST", target + query, {}, document).outcome == (404, "NoSuchUpload")


def test_an_aborted_upload_is_not_completed(peer: Peer, room: str) -> None:
    target = f"/{room}/aborted"
    _, document, _ = completed(peer, target)
    upload = ask(peer, "POST", f"{target}?uploads").text("UploadId")
    assert ask(peer, "DELETE", f"{target}?uploadId={upload}").status == 204
    again = ask(peer, "POST", f"{target}?uploadId={upload}", {}, document)
    assert again.outcome == (404, "NoSuchUpload")


def test_a_failed_condition_is_named(peer: Peer, room: str) -> None:
    refused = ask(peer, "PUT", f"/{room}/kept", {"if-none-match": "*"}, b"1")
    assert refused.outcome == (412, "PreconditionFailed")
    assert refused.text("Condition") == "If-None-Match"
