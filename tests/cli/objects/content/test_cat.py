"""`coskit cat` and `coskit head`: bytes of objects, damage, cuts and ranges."""

from collections.abc import Iterator

import pytest

from coskit import Client
from coskit.cli.arguments.sizes import parse_byte_range
from coskit.protocol.operations import GET_OBJECT
from coskit.testing import LocalServer
from tests.cli.conftest import Coskit
from tests.faults.proxy.faults import CutResponse, Fault, FlipByte, ShortLength
from tests.faults.proxy.proxy import FaultProxy, Rule

BINARY = bytes(range(256))
KEYS = {
    "a": BINARY,
    "day/1.csv": b"a,b\n1,2\n3,4\n",
    "day/2.csv": b"c\n" * 12 + b"end",
    "empty": b"",
    "..": b"dots",
    "a+b ?": b"odd",
    "-dash\n[x]": b"dash",
}


@pytest.fixture
def filled(client: Client, bucket: str) -> str:
    """A bucket with objects."""
    for key, content in KEYS.items():
        client.put_object(bucket, content, key)
    return bucket


@pytest.fixture
def proxy(cli_server: LocalServer) -> Iterator[FaultProxy]:
    """A proxy that forwards to the server until it gets rules."""
    with FaultProxy(cli_server.port) as running:
        yield running


@pytest.mark.parametrize("key", KEYS)
def test_cat_writes_the_bytes_of_an_object(coskit: Coskit, filled: str, key: str) -> None:
    done = coskit("cat", "--raw", f"cos://{filled}/{key}")
    assert (done.status, done.raw, done.error) == (0, KEYS[key], "")


def test_cat_joins_objects_and_patterns_and_goes_on_after_a_failure(
    coskit: Coskit, filled: str
) -> None:
    places = ("empty", "day/*.csv", "none", "n*", "a")
    done = coskit("cat", *(f"cos://{filled}/{place}" for place in places))
    assert done.status == 1
    assert done.raw == KEYS["day/1.csv"] + KEYS["day/2.csv"] + BINARY
    first, second, last = done.error.splitlines()
    assert first.startswith(f"coskit: cos://{filled}/none: NoSuchKey: ")
    assert second == f"coskit: 'cos://{filled}/n*': no key matches; --raw takes * ? [ as they are"
    assert last == "coskit: 2 failed"


RANGES = [
    ("0-99", BINARY[:100]),
    ("250-", BINARY[250:]),
    ("250-9999", BINARY[250:]),
    ("-2", BINARY[-2:]),
    ("bytes=7-7", b"\7"),
]


@pytest.mark.parametrize(("text", "expected"), RANGES)
def test_cat_writes_a_range(coskit: Coskit, filled: str, text: str, expected: bytes) -> None:
    done = coskit("cat", "--range", text, f"cos://{filled}/a")
    assert (done.status, done.raw, done.error) == (0, expected, "")


@pytest.mark.parametrize("text", ["", "-", "5", "5-2", "a-b", "0-1,3-4", "--5"])
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(Exception, match="a range is written like 0-99, 100- or -50"):
        parse_byte_range(text)


def test_versions_are_read_by_their_ids(coskit: Coskit, client: Client, bucket: str) -> None:
    client.put_bucket_versioning(bucket, "Enabled")
    first = client.put_object(bucket, b"one\n", "k")["x-cos-version-id"]
    client.put_object(bucket, b"two\n", "k")
    for command, option in (("cat", "--range=0-0"), ("head", "-c1")):
        assert coskit(command, "--version-id", first, f"cos://{bucket}/k").raw == b"one\n"
        assert coskit(command, option, f"cos://{bucket}/k").raw == b"t"


LARGE = bytes(9 << 20)
DAMAGE = [
    (b"x" * 5000, FlipByte(4000), "CRC64"),
    (b"x" * 5000, ShortLength(7), "5000"),
    (LARGE, FlipByte(4000), "CRC64"),
]


@pytest.mark.parametrize(("content", "fault", "reason"), DAMAGE)
def test_damage_is_a_failure(
    coskit: Coskit,
    proxy: FaultProxy,
    client: Client,
    bucket: str,
    content: bytes,
    fault: Fault,
    reason: str,
) -> None:
    client.put_object(bucket, content, "k")
    proxy.rules = [Rule(GET_OBJECT, fault, times=None)]
    done = coskit("cat", "--endpoint", proxy.endpoint, f"cos://{bucket}/k")
    assert done.status == 1
    assert done.error.startswith(f"coskit: cos://{bucket}/k: ")
    assert reason in done.error


@pytest.mark.parametrize("options", [(), ("--range", "0-")])
def test_a_cut_is_resumed(
    coskit: Coskit, proxy: FaultProxy, client: Client, bucket: str, options: tuple[str, ...]
) -> None:
    client.put_object(bucket, LARGE, "k")
    proxy.rules = [Rule(GET_OBJECT, CutResponse(1 << 20, reset=False))]
    done = coskit("cat", *options, "--endpoint", proxy.endpoint, f"cos://{bucket}/k")
    assert (done.status, done.error, done.raw == LARGE) == (0, "", True)


@pytest.mark.parametrize("command", ["cat", "head"])
def test_a_closed_pipe_ends_a_command_quietly(coskit: Coskit, filled: str, command: str) -> None:
    done = coskit.into_closed_pipe(command, f"cos://{filled}/day/2.csv")
    assert (done.status, done.error) == (141, "")


HEADS = [
    ((), "day/2.csv", b"c\n" * 10),
    (("-n", "1"), "day/1.csv", b"a,b\n"),
    (("-n", "13"), "day/2.csv", KEYS["day/2.csv"]),
    (("-n", "0"), "day/2.csv", b""),
    (("-c", "5"), "a", BINARY[:5]),
    (("-c", "1KiB"), "a", BINARY),
    (("-c", "0"), "a", b""),
    ((), "empty", b""),
    (("-c", "9"), "empty", b""),
]


@pytest.mark.parametrize(("options", "key", "expected"), HEADS)
def test_head_writes_the_beginning(
    coskit: Coskit, filled: str, options: tuple[str, ...], key: str, expected: bytes
) -> None:
    done = coskit("head", *options, f"cos://{filled}/{key}")
    assert (done.status, done.raw, done.error) == (0, expected, "")


def test_head_names_several_objects(coskit: Coskit, filled: str) -> None:
    words = ("head", "-n1", f"cos://{filled}/day/*", f"cos://{filled}/none", f"cos://{filled}/..")
    done = coskit(*words)
    assert done.status == 1
    assert done.output.replace(filled, "B") == (
        "==> cos://B/day/1.csv <==\na,b\n\n==> cos://B/day/2.csv <==\nc\n\n==> cos://B/.. <==\ndots"
    )
    assert f"coskit: cos://{filled}/none: NoSuchKey" in done.error
    assert coskit(words[0], "-q", *words[1:]).raw == b"a,b\nc\ndots"


def test_head_reads_only_what_it_needs(
    coskit: Coskit, proxy: FaultProxy, client: Client, bucket: str
) -> None:
    client.put_object(bucket, b"first\n" + b"x" * 300_000 + b"\n" + LARGE, "k")
    place = ("--endpoint", proxy.endpoint, f"cos://{bucket}/k")
    found = []
    for options in (("-n", "1"), ("-n", "2"), ("-c", "10")):
        proxy.clear()
        done = coskit("head", *options, *place)
        found.append((len(done.raw), sum(each.delivered for each in proxy.exchanges)))
    assert found == [(6, 65_536), (300_007, 65_536 + 262_144), (10, 10)]


def test_head_refuses_to_join_two_objects(
    coskit: Coskit, proxy: FaultProxy, client: Client, bucket: str
) -> None:
    client.put_object(bucket, bytes(200_000), "k")

    def replace(_: object) -> bool:
        client.put_object(bucket, bytes(200_001), "k")
        return False

    proxy.rules = [Rule(lambda each: each.number == 1 and replace(each), Fault())]
    done = coskit("head", "--endpoint", proxy.endpoint, f"cos://{bucket}/k")
    assert done.status == 1
    assert "The object changed after 65536 bytes were read" in done.error


FAILURES = [
    ("cat cos://{b}", "is not an object"),
    ("cat --version-id x cos://{b}/a cos://{b}/b", "--version-id needs exactly one object"),
    ("head --version-id x cos://{b}/a*", "--version-id needs exactly one object"),
    ("head -n 1 -c 1 cos://{b}/a", "--lines and --bytes exclude each other"),
    ("head -c x cos://{b}/a", "a size is written like"),
]


@pytest.mark.parametrize(("words", "error"), FAILURES)
def test_wrong_words_are_usage_errors(coskit: Coskit, words: str, error: str) -> None:
    done = coskit(*words.format(b="b-1250000000").split())
    assert (done.status, error in done.error) == (2, True), done.error
