"""A transfer resumes after its process was killed."""

import json
import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from coskit import Client
from coskit.protocol.operations import GET_OBJECT
from coskit.testing import LocalServer
from tests.faults.program import MIB, content
from tests.faults.proxy.exchange import RecordedRequest
from tests.faults.proxy.faults import Fault
from tests.faults.proxy.proxy import FaultProxy
from tests.faults.proxy.proxy_steps import ProxiedRequest
from tests.faults.proxy.schedule import TIMES
from tests.faults.subprocesses import ClientProcess, client_process, journals_in, partial_files

PARTS = 6
SIZE = PARTS * MIB - 1000
UPLOAD_REQUESTS = PARTS + 2  # one begins it, one completes it
DOWNLOAD_REQUESTS = PARTS
MOMENTS = ("request", "responded", "response")


@dataclass(frozen=True)
class Kill(Fault):
    """Kill the client after `after` bytes of a request or of its response.

    Attributes:
        moment: "request" in the middle of its body, "responded" after the server has responded
            and before the client gets it, "response" in the middle of the response's body.
        after: bytes.
        kill: ends the client.
    """

    moment: str
    after: int
    kill: Callable[[], None]

    async def play(self, request: ProxiedRequest) -> None:
        """Forward the request and kill the client at the moment."""
        if self.moment == "request":
            await request.forward(until=self.after)
        else:
            await request.forward()
            response = await request.response()
            if self.moment == "responded":
                await request.discard(response)
            else:
                await request.deliver(response, until=self.after)
        await request.wait_sent()
        self.kill()
        await request.close_connections(reset=True)


def live(process: ClientProcess, proxy: FaultProxy, chance: random.Random, requests: int) -> int:
    """Run a process until it is killed at a random moment; return its exit status."""
    fatal, begins = chance.randrange(requests), len(proxy.exchanges)
    moment, after = chance.choice(MOMENTS), chance.randrange(MIB)

    def decide(exchange: RecordedRequest) -> Fault | None:
        if exchange.number != begins + fatal:
            return None
        return Kill(moment, after, lambda: os.killpg(process.pid, signal.SIGKILL))

    proxy.decide = decide
    process.communicate("begin\n", timeout=60)
    proxy.wait_idle()
    proxy.rules = ()
    return process.returncode


@pytest.mark.parametrize("number", range(max(8, TIMES)))
def test_an_upload_resumes_after_its_process_was_killed(
    server: LocalServer,
    owner: Client,
    proxy: FaultProxy,
    bucket: str,
    tmp_path: Path,
    number: int,
) -> None:
    chance = random.Random(number)
    source, journals = tmp_path / "source", tmp_path / "journals"
    source.write_bytes(content(SIZE))
    words = (("sync", "async")[number % 2], "upload", bucket, "key", source)
    with client_process(server, proxy, journals, *words) as first:
        assert live(first, proxy, chance, UPLOAD_REQUESTS) == -signal.SIGKILL, proxy.report()
    if chance.random() < 0.3:  # twice in a row, unless the rest is quicker
        with client_process(server, proxy, journals, *words) as second:
            assert live(second, proxy, chance, PARTS) in (0, -signal.SIGKILL), proxy.report()
    with client_process(server, proxy, journals, *words) as last:
        _, errors = last.communicate("begin\n", timeout=60)
    assert (last.returncode, errors) == (0, ""), proxy.report()
    assert owner.get_object(bucket, "key")["Body"].read() == source.read_bytes()
    assert proxy.parts_sent_again() == [], proxy.report()
    assert "Upload" not in owner.list_multipart_uploads(bucket), proxy.report()
    assert journals_in(journals) == []


@pytest.mark.parametrize("number", range(max(8, TIMES)))
def test_a_download_resumes_after_its_process_was_killed(
    server: LocalServer,
    owner: Client,
    proxy: FaultProxy,
    bucket: str,
    tmp_path: Path,
    number: int,
) -> None:
    chance = random.Random(number)
    target, journals = tmp_path / "target" / "file", tmp_path / "journals"
    target.parent.mkdir()
    owner.put_object(bucket, content(SIZE), "key")
    words = (("sync", "async")[number % 2], "download", bucket, "key", target)
    with client_process(server, proxy, journals, *words) as first:
        assert live(first, proxy, chance, DOWNLOAD_REQUESTS) == -signal.SIGKILL, proxy.report()
    assert not target.exists()
    kept, begins = parts_in(journals), len(proxy.exchanges)
    with client_process(server, proxy, journals, *words) as last:
        _, errors = last.communicate("begin\n", timeout=60)
    assert (last.returncode, errors) == (0, ""), proxy.report()
    assert target.read_bytes() == content(SIZE)
    asked = {part_of(seen) for seen in proxy.matching(GET_OBJECT) if seen.number >= begins}
    assert asked == set(range(1, PARTS + 1)) - kept, proxy.report()
    assert (partial_files(tmp_path), journals_in(journals)) == ([], [])


def parts_in(journals: Path) -> set[int]:
    """Return the numbers of the parts in a download's journal."""
    states = [json.loads(text.partition("\n")[2])["state"] for text in journals_in(journals)]
    return {int(number) for state in states for number in state["parts"]}


def part_of(exchange: RecordedRequest) -> int:
    """Return the part number of a request."""
    return int(exchange.headers["range"].removeprefix("bytes=").partition("-")[0]) // MIB + 1
