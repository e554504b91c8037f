"""Attacks that try to leave a bucket, a prefix or a key by its name.

Sources: the advisories that docs/security.md lists under paths (SeaweedFS CVE-2026-54917 and
CVE-2026-55874, RustFS CVE-2026-49991, MinIO CVE-2023-28433, Ceph CVE-2023-43040, and others).
"""

import io
import itertools
import json
import tarfile
from urllib.parse import quote
from xml.sax.saxutils import unescape

import pytest

from coskit.testing import LocalServer
from tests.server.dialects.test_post_object import form, post, signed
from tests.server.dialects.test_s3_post_object import fourth
from tests.server.handlers.access.test_policies import HELPER_ID, put, statement
from tests.server.support.accounts import FRIEND, SUB_ACCOUNT, account_client
from tests.server.support.http_client import OWNER, HTTPClient, Reply
from tests.server.support.s3 import S3HTTPClient

_numbers = itertools.count(1)
SECRET = b"not for everybody"
# MINE and THEIRS stand for buckets; all of these lead from one to the other on some file system.
WAYS = [
    "MINE/../THEIRS/secret",
    "MINE/%2e%2e/THEIRS/secret",
    "MINE/%252e%252e/THEIRS/secret",
    "MINE/..%2fTHEIRS%2fsecret",
    "MINE%2f..%2fTHEIRS%2fsecret",
    "MINE/a/../../THEIRS/secret",
    "MINE/./../THEIRS/secret",
    "MINE//../THEIRS/secret",
    "MINE/%5c..%5cTHEIRS%5csecret",
    "MINE\\..\\THEIRS\\secret",
    "MINE/..%c0%afTHEIRS/secret",
    "MINE/..;/THEIRS/secret",
    "MINE/%00/../../THEIRS/secret",
    "../THEIRS/secret",
    "./THEIRS/secret",
    "/../THEIRS/secret",
]


@pytest.fixture(scope="module")
def friend(server: LocalServer) -> HTTPClient:
    return account_client(server, FRIEND)


@pytest.fixture(scope="module")
def mine(friend: HTTPClient) -> str:
    """Create a bucket of the friend's."""
    name = f"ours{next(_numbers)}-{FRIEND}"
    assert friend.request("PUT", f"/{name}/").status == 200
    return name


@pytest.fixture
def theirs(http_client: HTTPClient, bucket: str) -> str:
    """Give a bucket of the owner's with something in it that the friend may not read."""
    assert http_client.request("PUT", f"/{bucket}/secret", {}, SECRET).status == 200
    return bucket


def is_untouched(http_client: HTTPClient, theirs: str) -> bool:
    versions = http_client.request("GET", f"/{theirs}/?versions").texts("Key")
    return versions == ["secret"] and http_client.request("GET", f"/{theirs}/secret").body == SECRET


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dialect", ["cos", "s3"])
def test_a_copy_reads_what_it_was_allowed_to(
    http_client: HTTPClient, friend: HTTPClient, mine: str, theirs: str, way: str, dialect: str
) -> None:
    asking, prefix = (S3HTTPClient(friend), "x-amz") if dialect == "s3" else (friend, "x-cos")
    own = mine if dialect == "s3" else f"{mine}.cos.ap-local.myqcloud.com"
    source = {f"{prefix}-copy-source": way.replace("MINE", own).replace("THEIRS", theirs)}
    upload = friend.request("POST", f"/{mine}/copy?uploads", {}, b"").text("UploadId")
    for target in (f"/{mine}/copy", f"/{mine}/copy?partNumber=1&uploadId={upload}"):
        reply = asking.request("PUT", target, source, b"")
        assert reply.status in (400, 403, 404), reply.body
    assert friend.request("DELETE", f"/{mine}/copy?uploadId={upload}").status == 204
    assert friend.request("GET", f"/{mine}/copy").status == 404


@pytest.mark.parametrize("dialect", ["cos", "s3"])
@pytest.mark.parametrize("effect", ["allow all but", "allow only"])
def test_what_may_be_copied_holds_for_parts_too(
    server: LocalServer, http_client: HTTPClient, bucket: str, dialect: str, effect: str
) -> None:
    # RustFS CVE-2026-45042: the destination's policy names the sources that it takes.
    helper = account_client(server, SUB_ACCOUNT)
    asking, prefix = (S3HTTPClient(helper), "x-amz") if dialect == "s3" else (helper, "x-cos")
    for key in ("open/k", "closed/k"):
        assert http_client.request("PUT", f"/{bucket}/{key}", {}, b"data").status == 200
    everything = statement(bucket, "allow", HELPER_ID, "*")
    names = {"cos:x-cos-copy-source": f"*/{'closed' if 'but' in effect else 'open'}/*"}
    if "but" in effect:
        denied = statement(bucket, "deny", HELPER_ID, "*") | {"Condition": {"string_like": names}}
        put(http_client, bucket, everything, denied)
    else:
        copying = ("PutObject", "UploadPart", "UploadPartCopy")
        narrow = statement(bucket, "deny", HELPER_ID, *copying, path="to")
        put(http_client, bucket, everything, narrow | {"Condition": {"string_not_like": names}})
    upload = http_client.request("POST", f"/{bucket}/to?uploads", {}, b"").text("UploadId")
    host = bucket if dialect == "s3" else f"{bucket}.cos.ap-local.myqcloud.com"
    for target in (f"/{bucket}/to", f"/{bucket}/to?partNumber=1&uploadId={upload}"):
        for key, status in (("open/k", 200), ("closed/k", 403)):
            source = {f"{prefix}-copy-source": f"{host}/{key}"}
            assert asking.request("PUT", target, source, b"").status == status, (target, key)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dialect", ["cos", "s3"])
def test_an_address_names_one_bucket(
    http_client: HTTPClient, friend: HTTPClient, mine: str, theirs: str, way: str, dialect: str
) -> None:
    asking = S3HTTPClient(friend) if dialect == "s3" else friend
    target = "/" + way.replace("MINE", mine).replace("THEIRS", theirs)
    for method, body in (("PUT", b"mine"), ("GET", None), ("DELETE", None)):
        reply = asking.request(method, target, {}, body)
        assert reply.body != SECRET
        assert reply.status in (200, 204, 400, 403, 404), reply.body
        assert is_untouched(http_client, theirs)


# What is not under `tenant/`, whatever it looks like.
OUTSIDE = [
    "tenant2/x",
    "tenant-old/x",
    "tenant",
    "TENANT/x",
    "%2ftenant/x",
    "tenant%5cx",
    "../tenant/x",
]


def language_of_cos(http_client: HTTPClient, bucket: str) -> None:
    put(http_client, bucket, statement(bucket, "allow", HELPER_ID, "*", path="tenant/*"))


def language_of_s3(http_client: HTTPClient, bucket: str) -> None:
    rule = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{OWNER}:user/77"},
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{bucket}/tenant/*",
    }
    body = json.dumps({"Version": "2012-10-17", "Statement": [rule]}).encode()
    assert http_client.request("PUT", f"/{bucket}/?policy", {}, body).status == 204


@pytest.mark.parametrize("allow", [language_of_cos, language_of_s3])
def test_a_folder_in_a_policy_is_no_other_folder(
    server: LocalServer, http_client: HTTPClient, theirs: str, allow: object
) -> None:
    assert callable(allow)
    helper = account_client(server, SUB_ACCOUNT)
    allow(http_client, theirs)
    for asking in (helper, S3HTTPClient(helper)):
        assert asking.request("PUT", f"/{theirs}/tenant/x", {}, b"own").status == 200
        for key in OUTSIDE:
            assert asking.request("PUT", f"/{theirs}/{key}", {}, b"x").status in (400, 403), key
            assert asking.request("GET", f"/{theirs}/{key}").status in (400, 403), key
        # These are keys under `tenant/` and nothing else.
        for key in ("tenant/../secret", "tenant/%2e%2e/secret", "tenant/..%2fsecret"):
            assert asking.request("GET", f"/{theirs}/{key}").outcome == (404, "NoSuchKey")
            assert asking.request("DELETE", f"/{theirs}/{key}").status == 204
    assert http_client.request("GET", f"/{theirs}/secret").body == SECRET


@pytest.mark.parametrize("name", ["bucket", "Bucket", "BUCKET"])
def test_a_form_for_one_bucket_is_none_for_another(
    http_client: HTTPClient, room: str, bucket: str, name: str
) -> None:
    for fields in (signed(http_client, room, "k"), fourth(http_client, room, key="k")):
        said = [(name, room), *fields]
        assert post(http_client, bucket, form(said)).outcome == (403, "AccessDenied")
        assert post(http_client, bucket, form([*fields, (name, room)])).outcome == (
            403,
            "AccessDenied",
        )
    assert http_client.request("GET", f"/{bucket}/?versions").texts("Key") == []


@pytest.mark.parametrize(
    "media",
    [
        "multipart/form-datA; boundary=----limit",
        "MULTIPART/FORM-DATA; boundary=----limit",
        'multipart/form-data;charset=x; boundary="----limit"',
        "multipart/form-datax; boundary=----limit",
        "multipart/form-data,x; boundary=----limit",
    ],
)
def test_no_spelling_of_a_forms_type_spares_its_policy(
    http_client: HTTPClient, bucket: str, media: str
) -> None:
    assert post(http_client, bucket, form([("key", "evil")]), content_type=media).status in (
        403,
        405,
    )
    assert http_client.request("GET", f"/{bucket}/?versions").texts("Key") == []


@pytest.mark.parametrize("way", ["../THEIRS/evil", "a/../../THEIRS/evil", "..\\THEIRS\\evil"])
def test_a_forms_key_stays_in_its_bucket(
    http_client: HTTPClient, theirs: str, room: str, way: str
) -> None:
    key = way.replace("THEIRS", theirs)
    for fields in (signed(http_client, room, key), fourth(http_client, room, key=key)):
        assert post(http_client, room, form(fields)).status == 204
        assert http_client.request("GET", f"/{room}/?versions").texts("Key") == sorted(
            [key, "kept"]
        )
        assert is_untouched(http_client, theirs)
    assert (
        post(http_client, room, form(signed(http_client, room, "${filename}"), filename=key)).status
        == 204
    )
    assert is_untouched(http_client, theirs)
    for stored in (key, "evil"):
        assert http_client.request("DELETE", f"/{room}/{quote(stored)}").status == 204


@pytest.mark.parametrize("dialect", ["cos", "s3"])
def test_an_archive_is_stored_and_not_opened(
    http_client: HTTPClient, theirs: str, room: str, dialect: str
) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in ("evil", f"../{theirs}/evil", "../../../../tmp/evil"):
            entry = tarfile.TarInfo(name)
            entry.size = 4
            archive.addfile(entry, io.BytesIO(b"evil"))
    headers = {
        "x-amz-meta-snowball-auto-extract": "true",
        "x-cos-meta-snowball-auto-extract": "true",
        "x-amz-meta-rustfs-snowball-auto-extract": "true",
    }
    asking = S3HTTPClient(http_client) if dialect == "s3" else http_client
    kept = {name: v for name, v in headers.items() if name.startswith("x-cos") ^ (dialect == "s3")}
    assert asking.request("PUT", f"/{room}/a.tar", kept, packed.getvalue()).status == 200
    assert http_client.request("GET", f"/{room}/a.tar").body == packed.getvalue()
    assert http_client.request("GET", f"/{room}/?versions").texts("Key") == ["a.tar", "kept"]
    assert is_untouched(http_client, theirs)
    assert http_client.request("DELETE", f"/{room}/a.tar").status == 204


@pytest.mark.parametrize("dialect", ["cos", "s3"])
def test_an_acl_is_set_where_it_was_asked_for(
    http_client: HTTPClient, bucket: str, dialect: str
) -> None:
    asking, prefix = (
        (S3HTTPClient(http_client), "x-amz") if dialect == "s3" else (http_client, "x-cos")
    )
    for key in ("same", "a/same", "a/b/same"):
        assert http_client.request("PUT", f"/{bucket}/{key}", {}, key.encode()).status == 200
    public = {f"{prefix}-acl": "public-read"}
    assert asking.request("PUT", f"/{bucket}/a/same?acl", public, b"").status == 200
    returned: dict[str, Reply] = {
        key: http_client.request("GET", f"/{bucket}/{key}", signed=False)
        for key in ("same", "a/same", "a/b/same")
    }
    assert [reply.status for reply in returned.values()] == [403, 200, 403]
    for key in returned:
        assert http_client.request("GET", f"/{bucket}/{key}").body == key.encode()


TEXTS = ["'", '"', "';DROP TABLE versions;--", "%", "_", "*", "?", "[a-z]", "a\\", "' OR '1'='1"]


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_is_a_query_of_the_index(http_client: HTTPClient, bucket: str, text: str) -> None:
    for key in ("plain", f"{quote(text)}/x"):
        assert http_client.request("PUT", f"/{bucket}/{key}", {}, b"x").status == 200
    found = http_client.request("GET", f"/{bucket}/?prefix={quote(text)}").texts("Key")
    assert [unescape(key, {"&quot;": '"'}) for key in found] == [f"{text}/x"]
    assert http_client.request("GET", f"/{bucket}/?marker={quote(text)}").status == 200
    assert len(http_client.request("GET", f"/{bucket}/?versions").texts("Key")) == 2


@pytest.mark.parametrize("dialect", ["cos", "s3"])
def test_a_copy_of_nothing_is_no_upload_of_nothing(
    http_client: HTTPClient, room: str, dialect: str
) -> None:
    # Ceph CVE-2024-47866: an empty header ended the process.
    asking, prefix = (
        (S3HTTPClient(http_client), "x-amz") if dialect == "s3" else (http_client, "x-cos")
    )
    for source in ("", "/", "//", "?", "%", "%00", "/%"):
        headers = {f"{prefix}-copy-source": source}
        assert asking.request("PUT", f"/{room}/kept", headers, b"").status == 400, source
    assert http_client.request("GET", f"/{room}/kept").body == b"kept"


LINKS = [
    {"x-cos-symlink-target": "secret", "x-cos-symlink-bucket": "THEIRS"},
    {"x-cos-symlink-target": "../THEIRS/secret"},
    {"x-cos-symlink-target": "THEIRS/secret"},
    {"x-cos-symlink-target": "..%2fTHEIRS%2fsecret"},
    {"x-cos-symlink-target": "secret", "x-cos-symlink-bucket": "MINE/../THEIRS"},
    {"x-cos-symlink-target": "secret", "x-cos-symlink-bucket": "THEIRS.cos.ap-local.myqcloud.com"},
]


@pytest.mark.parametrize("link", LINKS, ids=str)
def test_a_link_opens_nothing(
    http_client: HTTPClient, friend: HTTPClient, mine: str, theirs: str, link: dict[str, str]
) -> None:
    named = {n: v.replace("MINE", mine).replace("THEIRS", theirs) for n, v in link.items()}
    put = friend.request("PUT", f"/{mine}/link?symlink", named, b"")
    assert put.status in (200, 400, 403, 404)
    own, s3 = f"{mine}.cos.ap-local.myqcloud.com/link", S3HTTPClient(friend)
    for reply in (
        friend.request("GET", f"/{mine}/link"),
        friend.request("HEAD", f"/{mine}/link"),
        s3.request("GET", f"/{mine}/link"),
        s3.request(
            "GET", f"/{mine}/link?attributes", {"x-amz-object-attributes": "ETag,ObjectSize"}
        ),
        friend.request("PUT", f"/{mine}/copy", {"x-cos-copy-source": own}, b""),
        s3.request("PUT", f"/{mine}/copy", {"x-amz-copy-source": f"{mine}/link"}, b""),
    ):
        assert reply.status in (400, 403, 404), reply.body
        assert SECRET not in reply.body
        assert "ETag" not in reply
    assert friend.request("PUT", f"/{mine}/link", {}, b"over").status == 200
    assert is_untouched(http_client, theirs)
    assert friend.request("DELETE", f"/{mine}/link").status == 204
