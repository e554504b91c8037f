"""Rights of several accounts: each account, on every row, under each ACL."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from coskit.protocol.codec.routing import match
from coskit.protocol.model import Operation
from coskit.protocol.operations import OPERATIONS
from coskit.testing import LocalServer
from tests.server.support.accounts import (
    FRIEND,
    OTHER,
    OTHER_SUB_ACCOUNT,
    SUB_ACCOUNT,
    account_peer,
)
from tests.server.support.wire import OWNER, Line, Peer

LETTERS = {"R": "READ", "W": "WRITE", "r": "READ_ACP", "w": "WRITE_ACP"}
OBJECT = "outer/inner/object"
PEOPLE = ("owner", "friend", "other", "helper", "their helper", "nobody")
ROWS = [row for row in OPERATIONS if row.permission]
_numbers = itertools.count(1)


def document(*grants: tuple[str, str]) -> bytes:
    """Return an ACL document from pairs of grantee element and permission."""
    inner = "".join(
        f"<Grant><Grantee>{who}</Grantee><Permission>{permission}</Permission></Grant>"
        for who, permission in grants
    )
    return (
        "<AccessControlPolicy><Owner><ID>1250000000</ID></Owner>"
        f"<AccessControlList>{inner}</AccessControlList></AccessControlPolicy>"
    ).encode()


GROUPS = "http://cam.qcloud.com/groups/global/"
EVERYBODY, MEMBERS = f"<URI>{GROUPS}AllUsers</URI>", f"<URI>{GROUPS}AuthenticatedUsers</URI>"
FRIEND_ID = f"<ID>qcs::cam::uin/{FRIEND}:uin/{FRIEND}</ID>"
PUBLIC, PRIVATE = {"x-cos-acl": "public-read"}, {"x-cos-acl": "private"}
Acl = Mapping[str, str] | bytes


@dataclass(frozen=True)
class Scene:
    """ACLs of a bucket and what lies in it, and what each of PEOPLE but the owner gets by them.

    Rights are letters for the bucket, a slash, and letters for the object.
    """

    about: str
    gives: str
    bucket: Acl = field(default_factory=dict)
    outer: Acl = field(default_factory=dict)
    inner: Acl = field(default_factory=dict)
    object: Acl = field(default_factory=dict)


SCENES = [
    #                                   friend other  helper their  nobody
    Scene("nothing is granted", "       /      /      /      /      /"),
    Scene("public-read", "              R/R    R/R    R/R    R/R    R/R", PUBLIC),
    Scene(
        "public-read-write",
        "                               RW/R   RW/R   RW/R   RW/R   RW/R",
        {"x-cos-acl": "public-read-write"},
    ),
    Scene(
        "authenticated-read",
        "                               R/R    R/R    R/R    R/R    /",
        {"x-cos-acl": "authenticated-read"},
    ),
    Scene(
        "an id may read",
        "                               R/R    /      /      /      /",
        {"x-cos-grant-read": f'id="{FRIEND}"'},
    ),
    Scene(
        "a long id may write",
        "                               W/     /      /      /      /",
        {"x-cos-grant-write": f'id="qcs::cam::uin/{FRIEND}:uin/{FRIEND}"'},
    ),
    Scene(
        "a sub-account may read ACLs",
        "                               /      /      r/r    /      /",
        {"x-cos-grant-read-acp": f'id="{SUB_ACCOUNT}"'},
    ),
    Scene(
        "a sub-account by its long id",
        "                               /      /      RWrw/Rrw /    /",
        {"x-cos-grant-full-control": f'id="qcs::cam::uin/{OWNER}:uin/77"'},
    ),
    Scene(
        "an account is not its sub-accounts",
        "                               /      RW/R   /      /      /",
        {"x-cos-grant-read": f'id="{OTHER}"', "x-cos-grant-write": f'uin="{OTHER}"'},
    ),
    Scene(
        "everybody has full control",
        "                               RWrw/Rrw RWrw/Rrw RWrw/Rrw RWrw/Rrw RWrw/Rrw",
        document((EVERYBODY, "FULL_CONTROL")),
    ),
    Scene(
        "members may write ACLs, a friend may read them",
        "                               rw/rw  w/w    w/w    w/w    /",
        document((MEMBERS, "WRITE_ACP"), (FRIEND_ID, "READ_ACP")),
    ),
    Scene(
        "a private object in a public bucket",
        "                               R/     R/     R/     R/     R/",
        PUBLIC,
        object=PRIVATE,
    ),
    Scene(
        "a public object in a private bucket",
        "                               /R     /R     /R     /R     /R",
        object=PUBLIC,
    ),
    Scene(
        "an object of a friend's",
        "                               R/Rrw  R/     R/     R/     R/",
        PUBLIC,
        object=document((FRIEND_ID, "FULL_CONTROL")),
    ),
    Scene(
        "a public folder in a private bucket",
        "                               /R     /R     /R     /R     /R",
        outer=PUBLIC,
    ),
    Scene(
        "a private folder in a public bucket",
        "                               R/     R/     R/     R/     R/",
        PUBLIC,
        outer=PRIVATE,
    ),
    Scene(
        "a private folder in a public folder",
        "                               /      /      /      /      /",
        outer=PUBLIC,
        inner=PRIVATE,
    ),
    Scene(
        "a friend's folder in a private folder",
        "                               /R     /      /      /      /",
        outer=PRIVATE,
        inner={"x-cos-grant-read": f'id="{FRIEND}"'},
    ),
    Scene(
        "a public object in a private folder",
        "                               /R     /R     /R     /R     /R",
        inner=PRIVATE,
        object=PUBLIC,
    ),
]


@pytest.fixture(scope="module")
def people(server: LocalServer, peer: Peer) -> dict[str, Peer]:
    """Give everybody who can sign; "nobody" is whoever does not."""
    accounts = {
        "friend": FRIEND,
        "other": OTHER,
        "helper": SUB_ACCOUNT,
        "their helper": OTHER_SUB_ACCOUNT,
    }
    return {"owner": peer} | {
        name: account_peer(server, account) for name, account in accounts.items()
    }


def make(peer: Peer, target: str, acl: Acl) -> None:
    """Put a bucket or an object and give it its ACL."""
    assert peer.ask("PUT", target, {}, b"").status == 200
    if acl:
        headers, body = ({}, acl) if isinstance(acl, bytes) else (acl, b"")
        assert peer.ask("PUT", f"{target}?acl", headers, body).status == 200


def request_of(row: Operation, bucket: str) -> tuple[str, str, dict[str, str], bytes | None]:
    """Return a request that is the row, and that fails for another reason once it is permitted."""
    key = {"object": OBJECT, "bucket": "new"}[row.on] if row.level == "object" else ""
    needed = {param.wire for param in row.params if param.place == "query" and param.required}
    names = [row.flag] if row.flag else []
    query = "&".join([*names, *(f"{name}=1" for name in sorted(needed))])
    headers = dict.fromkeys(row.header_markers, "none-1250000000.x/none")
    body = None
    if row.method in ("PUT", "POST"):
        body = b"<not well-formed" if row.has_document else b"x"
        headers["content-md5"] = content_md5(body)
    found = match(row.method, bucket, key, (*names, *needed), headers)
    assert found is row
    return row.method, f"/{bucket}/{key}?{query}".rstrip("?"), headers, body


def ask(line: Line, peer: Peer, row: Operation, bucket: str, *, signed: bool) -> bool:
    """Return whether somebody is permitted a row."""
    method, target, headers, body = request_of(row, bucket)
    reply = line.ask(peer.request(method, target, headers, body, signed=signed))
    return reply.status != 403


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.about)
def test_everybody_may_do_what_the_acls_give_and_nothing_else(
    people: dict[str, Peer], scene: Scene
) -> None:
    bucket = f"scene{next(_numbers)}-1250000000"
    owner = people["owner"]
    make(owner, f"/{bucket}/", scene.bucket)
    for key, acl in (("outer/", scene.outer), ("outer/inner/", scene.inner)):
        if acl:
            make(owner, f"/{bucket}/{key}", acl)
    make(owner, f"/{bucket}/{OBJECT}", scene.object)
    rights = dict(zip(PEOPLE, ["RWrwO/RWrwO", *scene.gives.split()], strict=True))
    for name in reversed(PEOPLE):
        peer = people.get(name, owner)
        on_bucket, _, on_object = rights[name].partition("/")
        expected = set()
        for row in ROWS:
            letters = on_object if row.on == "object" else on_bucket
            if row.permission in {LETTERS.get(letter, "OWNER") for letter in letters}:
                expected.add(row.name)
        if name == "nobody":  # who could not be told from others who go on with an upload
            expected.discard("CreateMultipartUpload")
        with peer.line() as line:
            found = {
                row.name for row in ROWS if ask(line, peer, row, bucket, signed=name != "nobody")
            }
        assert found == expected, name


def test_an_object_of_another_account_is_its_own_and_the_bucket_owners(
    people: dict[str, Peer], bucket: str
) -> None:
    owner, friend = people["owner"], people["friend"]
    grant = {"x-cos-grant-write": f'id="{FRIEND}", id="{OTHER}"'}
    assert owner.ask("PUT", f"/{bucket}/?acl", grant, b"").status == 200
    assert friend.ask("PUT", f"/{bucket}/theirs", {}, b"x").status == 200
    for peer, status in ((friend, 200), (owner, 200), (people["other"], 403)):
        assert peer.ask("GET", f"/{bucket}/theirs").status == status
        assert peer.ask("GET", f"/{bucket}/theirs?acl").status == status
    assert friend.ask("GET", f"/{bucket}/theirs?acl").texts("ID")[0] == FRIEND
    assert friend.ask("PUT", f"/{bucket}/theirs?acl", PUBLIC, b"").status == 200
    assert people["other"].ask("GET", f"/{bucket}/theirs").body == b"x"
    assert friend.ask("GET", f"/{bucket}/").outcome == (403, "AccessDenied")
    assert owner.ask("DELETE", f"/{bucket}/theirs").status == 204


def test_what_a_sub_account_makes_is_its_accounts(people: dict[str, Peer], bucket: str) -> None:
    grant = {"x-cos-grant-write": f'id="{SUB_ACCOUNT}", id="{OTHER_SUB_ACCOUNT}"'}
    assert people["owner"].ask("PUT", f"/{bucket}/?acl", grant, b"").status == 200
    for name, account in (("helper", OWNER), ("their helper", OTHER)):
        assert people[name].ask("PUT", f"/{bucket}/made", {}, b"x").status == 200
        assert people[name].ask("GET", f"/{bucket}/made").status == 403
        assert people["owner"].ask("GET", f"/{bucket}/made?acl").texts("ID")[0] == account
    assert people["other"].ask("GET", f"/{bucket}/made").body == b"x"
    for name in ("helper", "their helper"):
        assert people[name].ask("PUT", "/new-1250000000/").outcome == (403, "AccessDenied")
        assert people[name].ask("GET", "/").outcome == (403, "AccessDenied")


@pytest.mark.parametrize("name", ["helper", "friend", "nobody"])
def test_who_may_only_write_opens_no_folder(
    people: dict[str, Peer], bucket: str, name: str
) -> None:
    owner = people["owner"]
    assert owner.ask("PUT", f"/{bucket}/folder/secret", {}, b"secret").status == 200
    assert owner.ask("PUT", f"/{bucket}/?acl", {}, document((EVERYBODY, "WRITE"))).status == 200
    peer, signed = people.get(name, owner), name != "nobody"
    tried = peer.ask("PUT", f"/{bucket}/folder/", PUBLIC, b"", signed=signed)
    assert tried.status == (200 if name == "friend" else 403)
    assert peer.ask("PUT", f"/{bucket}/other/", {}, b"", signed=signed).status == 200
    begun = peer.ask("POST", f"/{bucket}/folder/?uploads", PUBLIC, b"", signed=signed)
    assert begun.status == tried.status
    assert peer.ask("GET", f"/{bucket}/folder/secret", signed=signed).status == 403


def test_a_deleted_folder_rules_no_more(people: dict[str, Peer], bucket: str) -> None:
    owner, other = people["owner"], people["other"]
    make(owner, f"/{bucket}/folder/", PUBLIC)
    make(owner, f"/{bucket}/folder/object", {})
    assert other.ask("GET", f"/{bucket}/folder/object").status == 200
    assert owner.ask("DELETE", f"/{bucket}/folder/").status == 204
    assert other.ask("GET", f"/{bucket}/folder/object").status == 403


def test_a_copy_tells_nothing_of_what_may_not_be_read(people: dict[str, Peer], bucket: str) -> None:
    owner, other = people["owner"], people["other"]
    assert other.ask("PUT", "/copies-1270000000/").status in (200, 409)
    assert owner.ask("PUT", f"/{bucket}/there", {}, b"x").status == 200
    for key in ("there", "not-there"):
        source = {"x-cos-copy-source": f"{bucket}.x/{key}"}
        reply = other.ask("PUT", "/copies-1270000000/copy", source, b"")
        assert reply.outcome == (403, "AccessDenied"), key
    assert owner.ask("PUT", f"/{bucket}/there?acl", PUBLIC, b"").status == 200
    source = {"x-cos-copy-source": f"{bucket}.x/there"}
    assert other.ask("PUT", "/copies-1270000000/copy", source, b"").status == 200
    assert other.ask("GET", "/copies-1270000000/copy").body == b"x"
