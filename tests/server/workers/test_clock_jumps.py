"""A clock that jumps: versions stay in the order of their writes, and nothing is lost by it."""

from pathlib import Path

import pytest

from tests.server.support.clocked_server import ClockedServer

ENABLED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
DAY = 86_400.0


@pytest.mark.parametrize("jump", [-3650 * DAY, -1.0, 0.0, 3650 * DAY], ids=lambda s: f"{s:+.0f} s")
def test_versions_stay_in_the_order_of_their_writes(tmp_path: Path, jump: float) -> None:
    with ClockedServer(tmp_path) as server:
        assert server.request("PUT", "/b-1/?versioning", {}, ENABLED).status == 200
        ids = []
        for number in range(4):
            ids.append(server.request("PUT", "/b-1/a", {}, b"%d" % number)["x-cos-version-id"])
            server.now += jump if number == 1 else 0
        assert server.request("GET", "/b-1/a").body == b"3"
        assert server.request("GET", "/b-1/?versions").texts("VersionId") == ids[::-1]
        assert len(set(ids)) == 4
        assert server.request("DELETE", f"/b-1/a?versionId={ids[3]}").status == 204
        assert server.request("GET", "/b-1/a").body == b"2"


def test_a_store_that_was_written_in_the_future_goes_on(tmp_path: Path) -> None:
    with ClockedServer(tmp_path) as server:
        assert server.request("PUT", "/b-1/?versioning", {}, ENABLED).status == 200
        server.now += 3650 * DAY
        assert server.request("PUT", "/b-1/a", {}, b"from the future").status == 200
        server.now -= 7300 * DAY
        for body in (b"old", b"older"):
            assert server.request("PUT", "/b-1/a", {}, body).status == 200
            assert server.request("GET", "/b-1/a").body == body
        assert server.request("DELETE", "/b-1/a").status == 204
        assert server.request("GET", "/b-1/a").outcome == (404, "NoSuchKey")
        assert len(server.request("GET", "/b-1/?versions").texts("VersionId")) == 4


def test_a_restore_that_ends_in_the_past_is_only_over(tmp_path: Path) -> None:
    with ClockedServer(tmp_path) as server:
        cold = {"x-cos-storage-class": "ARCHIVE"}
        assert server.request("PUT", "/b-1/a", cold, b"cold").status == 200
        order = b"<RestoreRequest><Days>1</Days></RestoreRequest>"
        assert server.request("POST", "/b-1/a?restore", {}, order).status == 202
        server.now += 3650 * DAY
        assert server.request("GET", "/b-1/a").outcome == (403, "InvalidObjectState")
        server.now -= 7300 * DAY
        assert server.request("GET", "/b-1/a").outcome == (403, "InvalidObjectState")
        assert server.request("HEAD", "/b-1/a").status == 200
