"""Empty version ids are refused: the current object is not read, changed or deleted instead.

Source: S3's error for `versionId=` is "Version id cannot be the empty string".
"""

from base64 import b64encode
from collections.abc import Callable
from hashlib import md5

import pytest

from tests.server.support import s3
from tests.server.support.bad_requests import UNTOUCHED, state
from tests.server.support.http_client import HTTPClient, Reply

TAGS = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
ASKED = [
    ("DELETE", "", None),
    ("GET", "", None),
    ("HEAD", "", None),
    ("GET", "&acl", None),
    ("PUT", "&acl", None),
    ("GET", "&tagging", None),
    ("PUT", "&tagging", TAGS),
    ("DELETE", "&tagging", None),
    ("POST", "&restore", b"<RestoreRequest><Days>1</Days></RestoreRequest>"),
]
SPELLINGS = ("versionId=", "versionId", "versionid=", "VersionId=")
ASK: dict[str, Callable[..., Reply]] = {"COS": HTTPClient.request, "S3": s3.request_s3}


@pytest.mark.parametrize("dialect", ASK)
@pytest.mark.parametrize(("method", "also", "body"), ASKED)
def test_an_address_with_an_empty_version_is_refused(
    http_client: HTTPClient, room: str, dialect: str, method: str, also: str, body: bytes | None
) -> None:
    for spelling in SPELLINGS:
        reply = ASK[dialect](http_client, method, f"/{room}/kept?{spelling}{also}", {}, body or b"")
        assert reply.status == 400, spelling
        assert method == "HEAD" or reply.outcome == (400, "InvalidArgument"), spelling
    assert state(http_client, room) == UNTOUCHED


@pytest.mark.parametrize("dialect", ASK)
@pytest.mark.parametrize("version", ["<VersionId></VersionId>", "<VersionId/>"])
def test_a_deletion_of_many_with_an_empty_version_is_refused(
    http_client: HTTPClient, room: str, dialect: str, version: str
) -> None:
    more = "<Object><Key>none</Key></Object>"
    body = f"<Delete>{more}<Object><Key>kept</Key>{version}</Object></Delete>".encode()
    headers = {"content-md5": b64encode(md5(body).digest()).decode()}
    reply = ASK[dialect](http_client, "POST", f"/{room}?delete", headers, body)
    assert reply.outcome == (400, "MalformedXML")
    assert state(http_client, room) == UNTOUCHED


@pytest.mark.parametrize(("dialect", "prefix"), [("COS", "x-cos-"), ("S3", "x-amz-")])
@pytest.mark.parametrize("query", ["?versionId=", "?", "?version=1", "?other"])
def test_a_copy_source_with_anything_but_a_version_is_refused(
    http_client: HTTPClient, room: str, dialect: str, prefix: str, query: str
) -> None:
    headers = {f"{prefix}copy-source": f"/{room}/kept{query}"}
    reply = ASK[dialect](http_client, "PUT", f"/{room}/copy", headers, b"")
    assert reply.status == 400
    assert state(http_client, room) == UNTOUCHED
