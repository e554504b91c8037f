"""Attacks on endpoints that other servers have besides the S3 API: none exists here.

Sources: the advisories of MinIO, RustFS, SeaweedFS and Ceph RGW that docs/security.md lists, and
moto's report 9941. Each request is sent as it would be to that server.
"""

import json
import socket
import sys
from base64 import urlsafe_b64encode
from pathlib import Path
from select import select

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from coskit.testing import LocalServer
from tests.server.support.accounts import FRIEND, account_client
from tests.server.support.http_client import HTTPClient, Reply
from tests.server.support.s3 import S3HTTPClient

ENDPOINTS = [
    # MinIO: administration, bootstrap between nodes, storage between nodes, console
    ("POST", "/minio/bootstrap/v1/verify"),
    ("GET", "/minio/admin/v3/info"),
    ("PUT", "/minio/admin/v3/add-user?accessKey=x"),
    ("PUT", "/minio/admin/v3/add-service-account"),
    ("PUT", "/minio/admin/v3/import-iam"),
    ("PUT", "/minio/admin/v3/set-user-policy?accessKey=x"),
    ("POST", "/minio/admin/v3/update?updateURL=%2Fetc%2Fpasswd"),
    ("GET", "/minio/v2/metrics/cluster"),
    ("POST", "/minio/storage/data/v63/rml"),
    ("POST", "/api/v1/login"),
    # RustFS: administration, profiling, calls between nodes, console
    ("GET", "/rustfs/admin/v3/metrics"),
    ("GET", "/rustfs/admin/v3/list-service-accounts?user=x"),
    ("PUT", "/rustfs/admin/v3/add-service-accounts"),
    ("PUT", "/rustfs/admin/v3/import-iam"),
    ("GET", "/rustfs/admin/v3/export-iam"),
    ("GET", "/rustfs/admin/v3/list-remote-targets?bucket=x"),
    ("PUT", "/rustfs/admin/v3/target/notify_webhook/x"),
    ("GET", "/profile/cpu"),
    ("GET", "/profile/memory"),
    ("GET", "/rustfs/rpc/read_file_stream?disk=x&volume=x&path=..%2F..%2Fetc%2Fpasswd"),
    ("POST", "/node_service.NodeService/GetMetrics"),
    ("GET", "/rustfs/console/license"),
    # SeaweedFS: filer, volumes, IAM, upload sessions
    ("GET", "/etc/iam/identity.json"),
    ("POST", "/?Action=CreateAccessKey&UserName=x"),
    ("POST", "/iam_pb.SeaweedIdentityAccessManagement/CreateUser"),
    ("POST", "/volume_server_pb.VolumeServer/FetchAndWriteNeedle"),
    ("PATCH", "/.tus/.uploads/x"),
    ("GET", "/buckets?namespace=x"),
    # Ceph RGW: administration, Swift
    ("GET", "/admin/user?uid=x"),
    ("GET", "/auth/v1.0"),
    ("GET", "/swift/v1/info"),
    # moto: its own interface
    ("POST", "/moto-api/reset"),
    ("GET", "/moto-api/data.json"),
]


def refused(server: LocalServer, reply: Reply) -> bool:
    """Return whether a response is a refusal, without an internal error and without a secret."""
    secrets = (server.secret_key.encode(), b"root:x:", b"PATH=", str(server.directory).encode())
    is_silent = not any(secret in reply.body for secret in secrets)
    return (400 <= reply.status < 500 or reply.status == 501) and is_silent


@pytest.mark.parametrize(("method", "target"), ENDPOINTS)
def test_no_endpoint_of_another_server_is_here(
    server: LocalServer, http_client: HTTPClient, method: str, target: str
) -> None:
    friend = account_client(server, FRIEND)
    before = http_client.request("GET", "/").texts("Name")
    body = None if method == "GET" else b"{}"
    for reply in (
        http_client.request(method, target, {}, body, signed=False),
        friend.request(method, target, {}, body),
        S3HTTPClient(friend).request(method, target, {}, body),
    ):
        assert refused(server, reply), (reply.status, reply.body)
    assert http_client.request("GET", "/").texts("Name") == before


DEFAULTS = [
    ("minioadmin", "minioadmin"),
    ("minio", "minio123"),
    ("rustfsadmin", "rustfsadmin"),
    ("admin", "admin"),
    ("admin", "secret"),
    ("test", "test"),
    ("any", "any"),
    ("", ""),
]


@pytest.mark.parametrize(("secret_id", "secret_key"), DEFAULTS)
def test_no_key_is_known_beforehand(
    http_client: HTTPClient, secret_id: str, secret_key: str
) -> None:
    guess = HTTPClient(http_client.port, secret_id, secret_key)
    assert guess.request("GET", "/").status == 403
    assert S3HTTPClient(guess).request("GET", "/").status in (400, 403)


def part(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


# RFC 7519 6: a token that nobody has signed.
UNSIGNED = f"{part({'alg': 'none', 'typ': 'JWT'})}.{part({'sub': 'root', 'policy': 'admin'})}."
SCHEMES = [f"Bearer {UNSIGNED}", f"JWT {UNSIGNED}", "Basic YWRtaW46YWRtaW4=", "Digest x"]


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda text: text.partition(" ")[0])
def test_no_token_of_another_kind_is_a_signature(
    http_client: HTTPClient, room: str, scheme: str
) -> None:
    for target in ("/", f"/{room}/kept"):
        for mark in ({}, {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}):
            reply = http_client.request(
                "GET", target, {"authorization": scheme, **mark}, signed=False
            )
            assert reply.status in (400, 403)


ACTIONS = [
    f"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&WebIdentityToken={UNSIGNED}",
    "Action=AssumeRoleWithLDAPIdentity&Version=2011-06-15&LDAPUsername=a&LDAPPassword=b",
    "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::1:role/admin",
    "Action=CreateUser&Version=2010-05-08&UserName=x",
]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda text: text[7:33])
def test_no_endpoint_returns_keys(
    server: LocalServer, http_client: HTTPClient, action: str
) -> None:
    friend = account_client(server, FRIEND)
    media = {"content-type": "application/x-www-form-urlencoded"}
    for reply in (
        http_client.request("POST", f"/?{action}", {}, b"", signed=False),
        http_client.request("POST", "/", media, action.encode(), signed=False),
        friend.request("POST", "/", media, action.encode()),
        S3HTTPClient(friend).request("POST", "/", media, action.encode()),
    ):
        assert reply.status in (400, 403, 405, 501)
        assert b"Credentials" not in reply.body


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel by /proc")
def test_a_server_listens_at_one_port_only(server: LocalServer, http_client: HTTPClient) -> None:
    assert http_client.request("GET", "/-/ready").status == 200
    process = Path(f"/proc/{server.pid}")
    names = [str(entry.readlink()) for entry in (process / "fd").iterdir() if entry.is_symlink()]
    own = {name.removeprefix("socket:[").rstrip("]") for name in names if "socket" in name}
    ports = set()
    for table, listening in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in (process / "net" / table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in own and fields[3] == listening:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    assert ports == {server.port}


# Settings of the vendor and of S3 that name another host; they are kept at most.
REACHING = {
    "website": "<WebsiteConfiguration><RedirectAllRequestsTo><HostName>HOST</HostName>"
    "<Protocol>http</Protocol></RedirectAllRequestsTo></WebsiteConfiguration>",
    "origin": "<OriginConfiguration><OriginRule><RulePriority>1</RulePriority>"
    "<OriginType>Mirror</OriginType><OriginCondition><HTTPStatusCode>404</HTTPStatusCode>"
    "<Prefix></Prefix></OriginCondition><OriginParameter><Protocol>HTTP</Protocol>"
    "</OriginParameter><OriginInfo><HostInfo><HostName>HOST</HostName></HostInfo></OriginInfo>"
    "</OriginRule></OriginConfiguration>",
    "domain": "<DomainConfiguration><DomainRule><Status>ENABLED</Status><Name>HOST</Name>"
    "<Type>REST</Type></DomainRule></DomainConfiguration>",
    "notification": "<NotificationConfiguration><TopicConfiguration><Topic>http://HOST/x</Topic>"
    "<Event>s3:ObjectCreated:*</Event></TopicConfiguration></NotificationConfiguration>",
    "logging": "<BucketLoggingStatus><LoggingEnabled><TargetBucket>HOST</TargetBucket>"
    "<TargetPrefix>x</TargetPrefix></LoggingEnabled></BucketLoggingStatus>",
}


def test_a_server_opens_no_connections(http_client: HTTPClient, bucket: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        host = f"127.0.0.1:{trap.getsockname()[1]}"
        url = f"http://{host}/x"
        s3 = S3HTTPClient(http_client)
        for asking, prefix in ((http_client, "x-cos"), (s3, "x-amz")):
            for source in (url, f"/{url}", f"//{host}/x", f"{host}/x"):
                headers = {f"{prefix}-copy-source": source}
                assert asking.request("PUT", f"/{bucket}/k", headers, b"").status >= 400, source
            for setting, text in REACHING.items():
                document = text.replace("HOST", host).encode()
                sent = {"content-md5": content_md5(document)}
                reply = asking.request("PUT", f"/{bucket}/?{setting}", sent, document)
                assert reply.status in (200, 400, 403, 404, 501), reply.body
            for header in (f"{prefix}-website-redirect-location", f"{prefix}-callback"):
                asking.request("PUT", f"/{bucket}/k", {header: url}, b"x")
            link = {f"{prefix}-symlink-target": url}
            asking.request("PUT", f"/{bucket}/link?symlink", link, b"")
            for key in ("", "none", "k", "link"):
                reply = asking.request("GET", f"/{bucket}/{key}")
                assert reply.status in (200, 404)
                assert "Location" not in reply
        assert select([trap], [], [], 0.2)[0] == []
