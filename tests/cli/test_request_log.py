"""`-v` and `-vv`: what they show of requests, and what they never show."""

from coskit.testing import LocalServer
from tests.cli.conftest import Coskit


def test_v_shows_each_request_with_its_id(coskit: Coskit, bucket: str) -> None:
    shown = coskit("ls", "-v", f"cos://{bucket}").error
    assert f"list_objects {bucket}, attempt 1 of 4: HTTP 200" in shown
    assert "request id" in shown
    assert "> GET" not in shown


def test_vv_shows_the_wire_without_secrets(
    coskit: Coskit, cli_server: LocalServer, bucket: str
) -> None:
    shown = coskit("-vv", "ls", f"cos://{bucket}").error
    assert f"> GET {cli_server.endpoint}/{bucket}/" in shown
    assert ">   authorization: (hidden)" in shown.lower()
    assert "< HTTP 200" in shown
    for secret in (cli_server.secret_key, "q-signature"):
        assert secret not in shown
