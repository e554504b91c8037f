"""A client that is killed in the middle of a transfer: the next one goes on with what it left."""

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
from tests.faults.proxy.exchange import Exchange
from tests.faults.proxy.faults import Fault
from tests.faults.proxy.proxy import FaultProxy
from tests.faults.proxy.proxy_steps import Passage
from tests.faults.proxy.schedule import TIMES
from tests.faults.subprocesses import Child, child, journals_in, partial_files

PARTS = 6
SIZE = PARTS * MIB - 1000
UPLOAD_REQUESTS = PARTS + 2  # one begins it, one completes it
DOWNLOAD_REQUESTS = PARTS
MOMENTS = ("request", "answered", "answer")


@dataclass(frozen=True)
class Kill(Fault):
    """The client dies with so many bytes of one request, or of its answer, under way.

    Attributes:
        moment: "request" in the middle of its body, "answered" when the server has acted and
            nobody heard of it, "answer" in the middle of that one's body.
        after: bytes.
        kill: ends the client.
    """

    moment: str
    after: int
    kill: Callable[[], None]

    async def play(self, passage: Passage) -> None:
        """Carry the request as far as it comes."""
        if self.moment == "request":
            await passage.ask(until=self.after)
        else:
            await passage.ask()
            answer = await passage.answer()
            if self.moment == "answered":
                await passage.swallow(answer)
            else:
                await passage.deliver(answer, until=self.after)
        await passage.sent()
        self.kill()
        await passage.hang_up(reset=True)


def live(process: Child, proxy: FaultProxy, chance: random.Random, requests: int) -> int:
    """Let a child work until it is killed at a random moment; return its exit status."""
    fatal, begins = chance.randrange(requests), len(proxy.exchanges)
    moment, after = chance.choice(MOMENTS), chance.randrange(MIB)

    def decide(exchange: Exchange) -> Fault | None:
        if exchange.number != begins + fatal:
            return None
        return Kill(moment, after, lambda: os.killpg(process.pid, signal.SIGKILL))

    proxy.decide = decide
    process.communicate("begin\n", timeout=60)
    proxy.settle()
    proxy.rules = ()
    return process.returncode


@pytest.mark.parametrize("number", range(max(8, TIMES)))
def test_an_upload_goes_on_after_a_sudden_death(
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
    with child(server, proxy, journals, *words) as first:
        assert live(first, proxy, chance, UPLOAD_REQUESTS) == -signal.SIGKILL, proxy.report()
    if chance.random() < 0.3:  # twice in a row, unless the rest is quicker
        with child(server, proxy, journals, *words) as second:
            assert live(second, proxy, chance, PARTS) in (0, -signal.SIGKILL), proxy.report()
    with child(server, proxy, journals, *words) as last:
        _, errors = last.communicate("begin\n", timeout=60)
    assert (last.returncode, errors) == (0, ""), proxy.report()
    assert owner.get_object(bucket, "key")["Body"].read() == source.read_bytes()
    assert proxy.sent_again() == [], proxy.report()
    assert "Upload" not in owner.list_multipart_uploads(bucket), proxy.report()
    assert journals_in(journals) == []


@pytest.mark.parametrize("number", range(max(8, TIMES)))
def test_a_download_goes_on_after_a_sudden_death(
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
    with child(server, proxy, journals, *words) as first:
        assert live(first, proxy, chance, DOWNLOAD_REQUESTS) == -signal.SIGKILL, proxy.report()
    assert not target.exists()
    kept, begins = parts_in(journals), len(proxy.exchanges)
    with child(server, proxy, journals, *words) as last:
        _, errors = last.communicate("begin\n", timeout=60)
    assert (last.returncode, errors) == (0, ""), proxy.report()
    assert target.read_bytes() == content(SIZE)
    asked = {part_of(seen) for seen in proxy.of(GET_OBJECT) if seen.number >= begins}
    assert asked == set(range(1, PARTS + 1)) - kept, proxy.report()
    assert (partial_files(tmp_path), journals_in(journals)) == ([], [])


def parts_in(journals: Path) -> set[int]:
    """Return the numbers of the parts that a download has noted."""
    states = [json.loads(text.partition("\n")[2])["state"] for text in journals_in(journals)]
    return {int(number) for state in states for number in state["parts"]}


def part_of(exchange: Exchange) -> int:
    """Return the number of the part that a request asks for."""
    return int(exchange.headers["range"].removeprefix("bytes=").partition("-")[0]) // MIB + 1
