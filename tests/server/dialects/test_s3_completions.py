"""A completion that is repeated because the response to the first was lost."""

from tests.server.support.http_client import HTTPClient
from tests.server.support.s3 import request_s3

PART = b"5" * 100


def completed(http_client: HTTPClient, target: str) -> tuple[str, bytes, str]:
    """Return the query and the document of a completion, and the ETag in its response."""
    upload = request_s3(http_client, "POST", f"{target}?uploads").text("UploadId")
    etag = request_s3(http_client, "PUT", f"{target}?partNumber=3&uploadId={upload}", {}, PART)[
        "ETag"
    ]
    part = f"<Part><PartNumber>3</PartNumber><ETag>{etag}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
    reply = request_s3(http_client, "POST", f"{target}?uploadId={upload}", {}, document)
    assert reply.status == 200, reply.body
    return f"?uploadId={upload}", document, reply.text("ETag")


def test_a_completion_succeeds_again_while_its_object_lives(
    http_client: HTTPClient, room: str
) -> None:
    target = f"/{room}/again"
    query, document, etag = completed(http_client, target)
    again = request_s3(http_client, "POST", target + query, {}, document)
    assert (again.status, again.text("ETag")) == (200, etag)
    assert request_s3(http_client, "GET", target).body == PART
    assert request_s3(http_client, "PUT", target, {}, b"newer").status == 200
    assert request_s3(http_client, "POST", target + query, {}, document).outcome == (
        404,
        "NoSuchUpload",
    )
    assert request_s3(http_client, "GET", target).body == b"newer"


def test_a_completion_of_cos_does_not(http_client: HTTPClient, room: str) -> None:
    target = f"/{room}/once"
    query, document, _ = completed(http_client, target)
    assert http_client.request("POST", target + query, {}, document).outcome == (
        404,
        "NoSuchUpload",
    )


def test_an_aborted_upload_is_not_completed(http_client: HTTPClient, room: str) -> None:
    target = f"/{room}/aborted"
    _, document, _ = completed(http_client, target)
    upload = request_s3(http_client, "POST", f"{target}?uploads").text("UploadId")
    assert request_s3(http_client, "DELETE", f"{target}?uploadId={upload}").status == 204
    again = request_s3(http_client, "POST", f"{target}?uploadId={upload}", {}, document)
    assert again.outcome == (404, "NoSuchUpload")


def test_a_failed_condition_is_named(http_client: HTTPClient, room: str) -> None:
    refused = request_s3(http_client, "PUT", f"/{room}/kept", {"if-none-match": "*"}, b"1")
    assert refused.outcome == (412, "PreconditionFailed")
    assert refused.text("Condition") == "If-None-Match"
