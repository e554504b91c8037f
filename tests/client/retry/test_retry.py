"""Retries of a call: after which failures, with which delays, how often, and from which budget."""

import itertools
import math
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit import (
    ClientConfig,
    CosServiceError,
    Credentials,
    IntegrityError,
    ObjectChanged,
    RetryPolicy,
    SourceChanged,
    TransferTimeout,
    TransportError,
    TransportSettings,
    UnexpectedAnswer,
)
from coskit.client.request.retry_state import RetryBudget, RetryState
from coskit.protocol.endpoint import parse_endpoint
from coskit.protocol.errors import InternalError, NoSuchKey, SlowDown
from tests.client.conftest import Scripted
from tests.client.stubs.scripted import CLOSE, ScriptedServer, http_response
from tests.support.worlds import World

BUCKET = "examplebucket-1250000000"
STORED = {"ETag": '"e"', "x-cos-request-id": "id-2"}
POLICY = RetryPolicy(attempts=4, base=0.2, longest=20.0)
Make = Callable[..., World]


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Give a function that makes a client of endpoints, with settings of its own."""
    with ExitStack() as stack:

        def start(first: str, second: str = "", **settings: Any) -> World:
            config = ClientConfig(
                parse_endpoint(first),
                credentials=Credentials("id", "key"),
                transport=TransportSettings(proxy="", read_timeout=10),
                second_endpoint=parse_endpoint(second) if second else None,
                **{"retry": RetryPolicy(attempts=3, base=0.001, longest=0.01), **settings},
            )
            return stack.enter_context(World(request.param, config=config))

        yield start


@pytest.fixture
def refusing() -> Iterator[str]:
    """Return an endpoint without a listener, whose port stays taken."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"


def delay(error: Exception, attempt: int = 1, **facts: Any) -> float | None:
    return POLICY.delay(error, attempt, **{"idempotent": True, "jitter": 1.0, **facts})


@pytest.mark.parametrize(
    ("error", "idempotent", "others"),
    [
        (CosServiceError(status=408), True, False),
        (CosServiceError(status=429), True, True),
        (CosServiceError(status=500), True, False),
        (CosServiceError(status=502), True, False),
        (CosServiceError(status=503), True, True),
        (CosServiceError(status=504), True, False),
        (CosServiceError(status=403), False, False),
        (CosServiceError(status=404), False, False),
        (CosServiceError(status=501), False, False),
        (CosServiceError(status=301), False, False),
        (InternalError(status=200), True, False),
        (UnexpectedAnswer("another's answer"), True, False),
        (NoSuchKey(status=200), False, False),
        (TransportError("reset"), True, False),
        (TransportError("refused", sent=False), True, True),
        (TransferTimeout("slow"), True, False),
        (IntegrityError("other bytes"), True, False),
        (SourceChanged("the file"), False, False),
        (ObjectChanged("the object"), False, False),
        (ValueError("a bug"), False, False),
    ],
    ids=repr,
)
def test_what_is_tried_again(error: Exception, idempotent: bool, others: bool) -> None:
    assert (delay(error) is not None) == idempotent
    assert (delay(error, idempotent=False) is not None) == others


@given(attempt=st.integers(1, 3), jitter=st.floats(0, 1))
def test_a_pause_is_anything_up_to_a_limit_that_doubles(attempt: int, jitter: float) -> None:
    pause = delay(TransportError("reset"), attempt, jitter=jitter)
    assert pause == pytest.approx(jitter * 0.2 * 2 ** (attempt - 1))


def test_the_last_attempt_has_no_pause_after_it() -> None:
    assert delay(TransportError("reset"), 4) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3),
        ({"Retry-After": "999999999999"}, 20),
        ({"Retry-After": "-3"}, 0),
        ({"Retry-After": "soon"}, 0),
        ({"Retry-After": "\N{SUPERSCRIPT TWO}"}, 0),
        ({"Retry-After": "Tue, 14 Nov 2023 22:13:27 GMT"}, 7),
        ({"Retry-After": "Tue, 14 Nov 2023 22:13:17 GMT"}, 0),
        ({"Retry-After": "Wed, 15 Nov 2023 22:13:20 GMT"}, 20),
        (
            {
                "Retry-After": "Tue, 14 Nov 2023 20:00:05 GMT",
                "Date": "Tue, 14 Nov 2023 20:00:00 GMT",
            },
            5,
        ),
    ],
    ids=str,
)
def test_a_pause_is_never_shorter_than_the_service_asks(
    headers: dict[str, str], seconds: float
) -> None:
    now = 1_700_000_000.0  # 14 Nov 2023, 22:13:20
    assert delay(SlowDown(headers=headers), jitter=0.0, now=now) == seconds


def test_a_redirect_is_followed_only_by_another_address() -> None:
    strange = CosServiceError(status=307)
    assert delay(strange) is None
    assert delay(strange, elsewhere=True, idempotent=False) is not None
    assert delay(CosServiceError(status=502), elsewhere=True, idempotent=False) is None
    assert delay(CosServiceError(status=501), elsewhere=True) is not None
    assert delay(CosServiceError(status=307, request_id="id"), elsewhere=True) is None


def state_of(budget: RetryBudget) -> RetryState:
    return RetryState(POLICY, budget, "a call", jitter=lambda: 0.0, clock=lambda: 0.0)


def failing(state: RetryState, error: Any) -> float | None:
    state.record(error)
    return state.pause(error, idempotent=True)


def test_an_outage_is_multiplied_only_until_the_budget_is_spent() -> None:
    budget = RetryBudget(100)
    repeated = [failing(state_of(budget), SlowDown()) is not None for _ in range(50)]
    assert repeated == [True] * 20 + [False] * 30
    last = SlowDown()
    assert failing(state_of(budget), last) is None
    assert "retry budget is spent" in last.__notes__[-1]


def test_successes_fill_the_budget_and_no_further() -> None:
    budget = RetryBudget(10)
    budget.give()
    assert budget.left == 10
    assert failing(state_of(budget), SlowDown()) is not None
    for left in (6, 7, 8, 9, 10, 10):
        budget.give()
        assert budget.left == left


def test_a_repetition_that_succeeds_gives_back_what_it_cost() -> None:
    budget = RetryBudget(100)
    state = state_of(budget)
    failing(state, SlowDown())
    failing(state, TransferTimeout("slow"))
    assert budget.left == 85
    state.succeeded()
    assert budget.left == 95


def test_a_budget_can_be_without_limit() -> None:
    budget = RetryBudget(math.inf)
    assert all(failing(state_of(budget), SlowDown()) is not None for _ in range(1000))


def test_all_calls_of_a_client_share_its_budget(scripted: Scripted) -> None:
    policy = RetryPolicy(attempts=3, base=0.001, budget=7)
    world, server = scripted(
        http_response(503), http_response(503), http_response(503), retry=policy
    )
    with pytest.raises(CosServiceError) as raised:
        world.head_bucket(BUCKET)
    assert (raised.value.attempts, len(server.requests)) == (2, 2)
    assert "retry budget is spent" in raised.value.__notes__[-1]
    with pytest.raises(CosServiceError) as raised:
        world.head_bucket(BUCKET)
    assert raised.value.attempts == 1


def test_an_error_has_notes_on_earlier_failures(scripted: Scripted) -> None:
    slow = http_response(503, headers={"x-cos-request-id": "id-1"})
    world, _ = scripted(slow, slow, http_response(403))
    with pytest.raises(CosServiceError) as raised:
        world.put_object(BUCKET, b"data", "key")
    assert raised.value.attempts == 3
    assert raised.value.__notes__ == [
        "Try 1 failed otherwise: ServiceUnavailable, HTTP 503, request id id-1"
    ]


def test_a_repeated_error_is_noted_once(scripted: Scripted) -> None:
    world, _ = scripted(http_response(503), http_response(503), http_response(503))
    with pytest.raises(CosServiceError) as raised:
        world.put_object(BUCKET, b"data", "key")
    assert not hasattr(raised.value, "__notes__")


def test_an_integrity_error_has_its_number_of_attempts(scripted: Scripted) -> None:
    wrong = http_response(headers={**STORED, "x-cos-hash-crc64ecma": "1"})
    world, _ = scripted(wrong, wrong, wrong)
    with pytest.raises(IntegrityError) as raised:
        world.put_object(BUCKET, b"data", "key")
    assert raised.value.attempts == 3
    assert str(raised.value).endswith("(3 attempts)")


def test_each_try_is_signed_again(make: Make) -> None:
    clock = itertools.count(1_700_000_000, 3600)
    with ScriptedServer(
        [http_response(503), http_response(500), http_response(headers=STORED)]
    ) as server:
        world = make(server.endpoint, clock=lambda: next(clock), jitter=lambda: 0.0)
        world.put_object(BUCKET, b"data", "key")
    times = [re.search(rb"q-sign-time=(\d+)", head) for head, _ in server.requests]
    starts = [int(found[1]) for found in times if found]
    assert len(starts) == 3
    assert all(later - earlier >= 3600 for earlier, later in itertools.pairwise(starts))


def test_a_late_failure_of_a_copy_is_tried_again(scripted: Scripted) -> None:
    late = http_response(200, b"<Error><Code>InternalError</Code><Message>m</Message></Error>")
    done = http_response(200, b"<CopyObjectResult><ETag>e</ETag></CopyObjectResult>")
    world, server = scripted(late, done)
    source = {"Bucket": BUCKET, "Key": "source", "Region": "ap-local"}
    assert world.copy_object(BUCKET, "key", source)["ETag"] == "e"
    assert len(server.requests) == 2


def test_a_source_that_can_be_read_once_waits_for_a_connection(make: Make, refusing: str) -> None:
    with ScriptedServer([http_response(headers=STORED)]) as server:
        world = make(refusing, server.endpoint)
        world.put_object(BUCKET, world.source([b"one", b"two"]), "key")
    assert [body for _, body in server.requests] == [b"onetwo"]


def test_a_source_that_can_be_read_once_is_not_read_before_a_connection(
    make: Make, refusing: str
) -> None:
    read = []

    def chunks() -> Iterator[bytes]:
        read.append(1)
        yield b"one"

    with pytest.raises(TransportError) as raised:
        make(refusing).put_object(BUCKET, chunks(), "key")
    assert (raised.value.attempts, read) == (3, [])


def test_a_source_that_can_be_read_once_is_not_sent_again_after_a_reset(
    scripted: Scripted,
) -> None:
    world, server = scripted(CLOSE, http_response(headers=STORED))
    with pytest.raises(TransportError) as raised:
        world.put_object(BUCKET, world.source([b"one", b"two"]), "key")
    assert (raised.value.attempts, len(server.requests)) == (1, 1)
