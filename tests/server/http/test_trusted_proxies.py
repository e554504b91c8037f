"""Forwarding headers of trusted proxies are applied; other clients' are ignored."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config as BotoConfig

from coskit.protocol.bucket.policy import parse_policy
from coskit.server.trusted_proxies import TrustedProxies, networks
from coskit.testing import LocalServer
from tests.server.support.http_client import OWNER, HTTPClient, Reply
from tests.server.workers.test_run import refused
from tests.support.forked_server import ForkedServer

ROOM = "room-1250000000"
NEAR, FAR = "127.0.0.1", "203.0.113.9"


def scope(client: str, *headers: tuple[str, str], scheme: str = "http") -> dict[str, Any]:
    pairs = [(b"host", b"inner:9000"), *((n.encode(), v.encode()) for n, v in headers)]
    return {"client": (client, 5), "scheme": scheme, "headers": pairs}


FOR, PROTO, HOST = "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"


@pytest.mark.parametrize(
    ("client", "header", "address"),
    [
        # The client's own word stands on the left of what the proxy has added.
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["127.0.0.1, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["127.0.0.1", "203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["127.0.0.1,203.0.113.9 , 10.9.9.9"], "203.0.113.9"),
        ("10.0.0.1", ["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        ("10.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7"),
        ("10.0.0.1", ["[2001:db8::7]"], "2001:db8::7"),
        ("10.0.0.1", ["2001:DB8:0::7"], "2001:db8::7"),
        ("10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("fd00::1", ["203.0.113.9"], "203.0.113.9"),
        # What is no address is nobody's, and never this machine's or the proxy's.
        ("10.0.0.1", ["unknown"], ""),
        ("10.0.0.1", ["203.0.113.9, unknown"], ""),
        ("10.0.0.1", [""], ""),
        ("10.0.0.1", ["203.0.113.9,"], ""),
        ("10.0.0.1", ["1" * 5000], ""),
        # Nobody else.
        ("192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
        ("11.0.0.1", ["127.0.0.1"], "11.0.0.1"),
        ("127.0.0.1", ["203.0.113.9"], "127.0.0.1"),
        ("fd01::1", ["203.0.113.9"], "fd01::1"),
        ("", ["203.0.113.9"], ""),
        ("10.0.0.1", [], "10.0.0.1"),
    ],
)
def test_the_address_is_the_nearest_that_is_no_proxys(
    client: str, header: list[str], address: str
) -> None:
    proxies = TrustedProxies(networks(["10.0.0.0/8", "fd00::/16"]))
    seen = proxies.without_proxy(scope(client, *((FOR, text) for text in header)))
    assert seen["client"][0] == address


@pytest.mark.parametrize(
    ("client", "scheme", "header", "expected"),
    [
        ("10.0.0.1", "http", "https", "https"),
        ("10.0.0.1", "http", "HTTPS", "https"),
        ("10.0.0.1", "https", "http", "http"),
        ("10.0.0.1", "http", "https, http", "http"),
        ("10.0.0.1", "http", "http,https", "https"),
        ("10.0.0.1", "https", "gopher", "http"),
        ("10.0.0.1", "https", None, "https"),
        ("192.0.2.1", "http", "https", "http"),
    ],
)
def test_the_scheme_is_what_the_nearest_proxy_says(
    client: str, scheme: str, header: str | None, expected: str
) -> None:
    proxies = TrustedProxies(networks(["10.0.0.0/8"]))
    headers = [(PROTO, header)] if header is not None else []
    assert proxies.without_proxy(scope(client, *headers, scheme=scheme))["scheme"] == expected


@pytest.mark.parametrize(
    ("client", "header", "expected"),
    [
        ("10.0.0.1", "files.example", "files.example"),
        ("10.0.0.1", "evil.example, files.example:8443", "files.example:8443"),
        ("10.0.0.1", "", "inner:9000"),
        ("192.0.2.1", "evil.example", "inner:9000"),
    ],
)
def test_the_host_is_what_the_nearest_proxy_says(client: str, header: str, expected: str) -> None:
    seen = TrustedProxies(networks(["10.0.0.0/8"])).without_proxy(scope(client, (HOST, header)))
    assert dict(seen["headers"])[b"host"] == expected.encode()


@pytest.mark.parametrize("option", ["", "x", "10.0.0.0/33", "10.0.0.1/8", "10.0.0", "*", "::/129"])
def test_what_is_no_network_is_wrong_usage(tmp_path: Path, option: str) -> None:
    with pytest.raises(ValueError, match="a trusted proxy must be"):
        networks([option])
    if option == "x":
        assert "--trusted-proxy" in refused(tmp_path / "d", "--trusted-proxy=x", status=2)


# Through a server: whatever asks for the address, the scheme or the host.


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Run a server that trusts all clients on this machine."""
    directory = tmp_path_factory.mktemp("behind")
    options = ["--trusted-proxy=127.0.0.1", "--trusted-proxy=10.0.0.0/8"]
    options += [f"--access-log={directory / 'log'}", "--domain=files.example"]
    with ForkedServer(directory / "data", buckets=[ROOM], options=options) as server:
        yield server


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Run a server that trusts proxies, none of which is here."""
    directory = tmp_path_factory.mktemp("alone")
    options = ["--trusted-proxy=10.0.0.0/8", f"--access-log={directory / 'log'}"]
    with ForkedServer(directory / "data", buckets=[ROOM], options=options) as server:
        yield server


def ask(server: LocalServer, target: str, **headers: str) -> Reply:
    header = {name.replace("_", "-"): value for name, value in headers.items()}
    return HTTPClient.of(server).request("GET", target, header, signed=False)


def test_metrics_are_for_this_machine_whatever_a_proxy_on_it_passes_on(
    behind: LocalServer, alone: LocalServer
) -> None:
    assert ask(behind, "/-/metrics").status == 200
    assert ask(behind, "/-/metrics", x_forwarded_for=NEAR).status == 200
    for header in (FAR, f"{NEAR}, {FAR}", "junk", ""):
        assert ask(behind, "/-/metrics", x_forwarded_for=header).status == 403
    assert ask(alone, "/-/metrics", x_forwarded_for=FAR).status == 200, "that was nobody's word"


@pytest.mark.parametrize(
    ("condition", "headers", "with_trust"),
    [
        ({"ip_equal": {"qcs:ip": f"{FAR}/32"}}, {"x_forwarded_for": FAR}, 200),
        ({"ip_equal": {"qcs:ip": f"{FAR}/32"}}, {"x_forwarded_for": f"{FAR}, 192.0.2.1"}, 403),
        ({"ip_equal": {"qcs:ip": f"{FAR}/32"}}, {}, 403),
        ({"bool_equal": {"cos:secure-transport": "true"}}, {"x_forwarded_proto": "https"}, 200),
        ({"bool_equal": {"cos:secure-transport": "true"}}, {"x_forwarded_proto": "http"}, 403),
        ({"bool_equal": {"cos:secure-transport": "true"}}, {}, 403),
    ],
)
def test_policies_ask_for_the_client_and_not_for_the_proxy(
    behind: LocalServer,
    alone: LocalServer,
    condition: dict[str, dict[str, str]],
    headers: dict[str, str],
    with_trust: int,
) -> None:
    statement = {
        "Effect": "allow",
        "Principal": {"qcs": ["qcs::cam::anyone:anyone"]},
        "Action": ["name/cos:GetObject"],
        "Resource": [f"qcs::cos:ap-local:uid/{OWNER}:{ROOM}/*"],
        "Condition": condition,
    }
    policy = json.dumps({"version": "2.0", "Statement": [statement]})
    parse_policy(policy, of_bucket=True)
    for server, expected in ((behind, with_trust), (alone, 403)):
        with server.client() as client:
            client.put_object(ROOM, b"x", "k")
            client.put_bucket_policy(ROOM, json.loads(policy))
        assert ask(server, f"/{ROOM}/k", **headers).status == expected


def test_signatures_are_over_the_host_that_the_client_asked(
    behind: LocalServer, alone: LocalServer
) -> None:
    """A proxy with another name for its server sends the client's in X-Forwarded-Host."""
    for server, expected in ((behind, 200), (alone, 403)):
        http_client = HTTPClient.of(server)
        request = http_client.build_request("PUT", f"/{ROOM}/k", {}, b"x", host="files.example")
        passed = request.replace(
            b"host: files.example", b"host: inner\r\nx-forwarded-host: files.example"
        )
        with http_client.connect() as connection:
            assert connection.request(passed).status == expected


def test_boto3_through_a_proxy_of_another_name(behind: LocalServer, alone: LocalServer) -> None:
    for server, expected in ((behind, 200), (alone, 403)):
        s3: Any = boto3.client(
            "s3",
            endpoint_url="http://files.example",
            region_name="ap-local",
            aws_access_key_id=server.secret_id,
            aws_secret_access_key=server.secret_key,
            config=BotoConfig(signature_version="s3v4", s3={"addressing_style": "path"}),
        )
        url = s3.generate_presigned_url("list_objects_v2", {"Bucket": ROOM})
        target = url.removeprefix("http://files.example")
        passed = HTTPClient.of(server).build_request(
            "GET", target, {"x-forwarded-host": "files.example"}, signed=False, host="inner"
        )
        with HTTPClient.of(server).connect() as connection:
            assert connection.request(passed).status == expected


def test_the_bucket_may_stand_in_the_host_that_the_client_asked(behind: LocalServer) -> None:
    with behind.client() as client:
        client.put_object(ROOM, b"x", "k", ACL="public-read")
    http_client = HTTPClient.of(behind)
    found = http_client.request(
        "GET", "/k", {HOST: f"{ROOM}.files.example"}, signed=False, host="inner"
    )
    assert (found.status, found.body) == (200, b"x")


def test_what_a_completed_upload_is_found_at_has_the_clients_scheme_and_host(
    behind: LocalServer,
) -> None:
    http_client = HTTPClient.of(behind)
    upload = http_client.request("POST", f"/{ROOM}/big?uploads").text("UploadId")
    part = http_client.request("PUT", f"/{ROOM}/big?partNumber=1&uploadId={upload}", {}, b"x")
    document = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{part['ETag']}</ETag></Part></CompleteMultipartUpload>"
    )
    request = http_client.build_request(
        "POST", f"/{ROOM}/big?uploadId={upload}", {}, document.encode(), host="files.example"
    )
    header = b"host: inner\r\nx-forwarded-host: files.example\r\nx-forwarded-proto: https"
    with http_client.connect() as connection:
        done = connection.request(request.replace(b"host: files.example", header))
    assert done.status == 200
    assert "files.example" in done.text("Location")
    assert "inner" not in done.text("Location")


def test_the_access_log_names_the_client(tmp_path: Path) -> None:
    for trusted, address in (("127.0.0.0/8", FAR), ("10.0.0.0/8", NEAR)):
        log = tmp_path / trusted[:2]
        options = [f"--trusted-proxy={trusted}", f"--access-log={log}"]
        with ForkedServer(tmp_path / f"data{trusted[:2]}", options=options) as server:
            ask(server, "/-/live", x_forwarded_for=f"192.0.2.200, {FAR}")
        assert json.loads(log.read_text())["address"] == address
