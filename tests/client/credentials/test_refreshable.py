"""Keys that are fetched early, and once however many ask for them."""

import asyncio
import copy
import inspect
import logging
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from coskit import (
    AsyncMetadataCredentials,
    AsyncRefreshingCredentials,
    Credentials,
    CredentialsError,
    RefreshingCredentials,
)
from tests.client.credentials.refreshing import LIMIT, START, Clock, Fetch, Gate, fixed_keys

KINDS = pytest.mark.parametrize("kind", ["sync", "async"])


class Provider:
    """A refreshing provider of either world behind one synchronous face."""

    def __init__(self, kind: str, fetch: Callable[[], Any], clock: Clock, **settings: Any) -> None:
        classes = {"sync": RefreshingCredentials, "async": AsyncRefreshingCredentials}
        self.inner: Any = classes[kind](fetch, clock=clock, **settings)
        self._runner = asyncio.Runner() if kind == "async" else None

    def _run(self, result: Any) -> Any:
        return self._runner.run(result) if self._runner and inspect.iscoroutine(result) else result

    def get(self) -> str:
        """Return the id of the keys."""
        name: str = self._run(self.inner.get()).secret_id
        return name

    def renew(self, used: Credentials) -> str:
        """Return the id of other keys."""
        name: str = self._run(self.inner.renew(used)).secret_id
        return name

    def close(self) -> None:
        if self._runner:
            self._runner.close()


@pytest.fixture(params=["sync", "async"])
def begin(request: pytest.FixtureRequest) -> Iterator[Callable[..., tuple[Provider, Fetch, Clock]]]:
    """Give a function that makes a provider in each world, with its fetch and its clock."""
    made = []

    def make(lifetime: float | None = 3600.0, **settings: Any) -> tuple[Provider, Fetch, Clock]:
        clock = Clock()
        fetch = Fetch(clock, lifetime)
        made.append(Provider(request.param, fetch, clock, **settings))
        return made[-1], fetch, clock

    yield make
    for provider in made:
        provider.close()


Begin = Callable[..., tuple[Provider, Fetch, Clock]]


def test_keys_are_fetched_when_first_needed_and_then_early(begin: Begin) -> None:
    provider, fetch, clock = begin(lifetime=3600, early=300)
    assert fetch.calls == 0
    assert [provider.get(), provider.get()] == ["id-1", "id-1"]
    clock.now = START + 3299
    assert provider.get() == "id-1"
    clock.now = START + 3300
    assert [provider.get(), provider.get()] == ["id-2", "id-2"]
    assert fetch.calls == 2


def test_short_lived_keys_are_replaced_at_half_of_their_time(begin: Begin) -> None:
    provider, _, clock = begin(lifetime=60, early=300)
    assert provider.get() == "id-1"
    clock.now = START + 29
    assert provider.get() == "id-1"
    clock.now = START + 30
    assert provider.get() == "id-2"


def test_a_source_of_ever_the_same_keys_is_asked_once_a_second_at_most(begin: Begin) -> None:
    provider, _, clock = begin()
    calls = 0

    def same() -> Credentials:
        nonlocal calls
        calls += 1
        return Credentials("id", "secret-key", "token", START + 10)

    provider.inner._single_flight.function = same
    for tenths in range(100):
        clock.now = START + tenths / 10
        assert provider.get() == "id"
    assert calls <= 11
    clock.now = START + 10
    with pytest.raises(CredentialsError, match="expired already"):
        provider.get()


def test_keys_without_an_expiry_are_fetched_once(begin: Begin) -> None:
    provider, fetch, clock = begin(lifetime=None)
    for clock.now in (START, START + 1e9):
        assert provider.get() == "id-1"
    assert fetch.calls == 1


def test_a_failed_early_fetch_is_tried_again_after_a_pause(
    begin: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    provider, fetch, clock = begin(lifetime=3600, early=300)
    provider.get()
    clock.now, fetch.failure = START + 3400, ValueError("secret-key")
    with caplog.at_level(logging.DEBUG, "coskit"):
        assert [provider.get(), provider.get()] == ["id-1", "id-1"]
    assert fetch.calls == 2
    (record,) = caplog.records
    assert (record.levelno, "ValueError" in record.getMessage()) == (logging.DEBUG, True)
    assert "secret-key" not in record.getMessage()
    clock.now, fetch.failure = START + 3411, None
    assert provider.get() == "id-3"


def test_without_valid_keys_a_failed_fetch_is_raised_with_its_cause(begin: Begin) -> None:
    provider, fetch, clock = begin(lifetime=3600)
    provider.get()
    clock.now, fetch.failure = START + 3600, OSError("no route")
    with pytest.raises(CredentialsError, match="OSError") as raised:
        provider.get()
    assert raised.value.__cause__ is fetch.failure
    fetch.failure = None
    assert provider.get() == "id-3"


@pytest.mark.parametrize(
    ("given", "reason"),
    [(Credentials("a", "b", "c", START), "expired already"), (("a", "b"), "tuple instead of")],
)
@KINDS
def test_what_is_no_use_counts_as_a_failed_fetch(kind: str, given: object, reason: str) -> None:
    provider = Provider(kind, lambda: given, Clock())
    with pytest.raises(CredentialsError, match=reason):
        provider.get()
    provider.close()


def test_a_renewal_gives_other_keys_and_fetches_only_if_there_are_none(begin: Begin) -> None:
    provider, fetch, _ = begin(lifetime=None)
    provider.get()
    used = Credentials("id-1", "secret-key", "token")
    assert provider.renew(used) == "id-2"
    assert provider.renew(used) == "id-2"
    assert fetch.calls == 2
    fetch.failure = OSError()
    with pytest.raises(CredentialsError):
        provider.renew(Credentials("id-2", "secret-key", "token"))
    assert provider.get() == "id-2"


def test_while_one_thread_fetches_early_the_others_go_on() -> None:
    clock = Clock()
    gate = Gate(fetch := Fetch(clock))
    provider = RefreshingCredentials(gate, clock=clock)
    gate.open.set()
    provider.get()
    gate.open.clear()
    gate.entered.clear()
    clock.now = START + 3500
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(provider.get)
        assert gate.entered.wait(LIMIT)
        assert [provider.get().secret_id for _ in range(5)] == ["id-1"] * 5
        gate.open.set()
        assert first.result(LIMIT).secret_id == "id-2"
    assert (provider.get().secret_id, fetch.calls) == ("id-2", 2)


def test_while_one_task_fetches_early_the_others_go_on() -> None:
    async def run() -> None:
        clock = Clock()
        fetch, entered, may_go_on = Fetch(clock), asyncio.Semaphore(0), asyncio.Event()

        async def slow() -> Credentials:
            entered.release()
            await may_go_on.wait()
            return fetch()

        provider = AsyncRefreshingCredentials(slow, clock=clock)
        may_go_on.set()
        await provider.get()
        await entered.acquire()
        may_go_on.clear()
        clock.now = START + 3500
        first = asyncio.create_task(provider.get())
        await entered.acquire()
        others = await asyncio.gather(*(provider.get() for _ in range(200)))
        assert {keys.secret_id for keys in others} == {"id-1"}
        may_go_on.set()
        assert (await first).secret_id == "id-2"
        assert fetch.calls == 2

    asyncio.run(asyncio.wait_for(run(), LIMIT))


def waiting_threads(provider: RefreshingCredentials, gate: Gate, count: int) -> list[Any]:
    """Have threads ask for keys, let the fetch go on when all of them are at it."""
    arrived = threading.Semaphore(0)
    enter = provider._single_flight.enter

    def counted(*, wait: bool) -> bool:
        arrived.release()
        return enter(wait=wait)

    provider._single_flight.enter = counted  # type: ignore[method-assign]
    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(provider.get) for _ in range(count)]
        for _ in range(count):
            assert arrived.acquire(timeout=LIMIT)
        gate.open.set()
    return [future.exception() or future.result().secret_id for future in futures]


def test_thirty_two_threads_without_keys_wait_for_one_fetch() -> None:
    clock = Clock()
    gate = Gate(fetch := Fetch(clock))
    provider = RefreshingCredentials(gate, clock=clock)
    assert waiting_threads(provider, gate, 32) == ["id-1"] * 32
    assert fetch.calls == 1


def test_threads_that_waited_for_a_fetch_share_its_failure() -> None:
    clock = Clock()
    gate = Gate(fetch := Fetch(clock))
    fetch.failure = OSError("no route")
    provider = RefreshingCredentials(gate, clock=clock)
    failures = waiting_threads(provider, gate, 32)
    assert {type(failure) for failure in failures} == {CredentialsError}
    assert {failure.__cause__ for failure in failures} == {fetch.failure}
    assert len({id(failure) for failure in failures}) == 32
    assert fetch.calls == 1


@pytest.mark.parametrize("fails", [False, True])
def test_two_hundred_tasks_without_keys_wait_for_one_fetch(fails: bool) -> None:
    clock = Clock()
    fetch = Fetch(clock)
    fetch.failure = OSError("no route") if fails else None

    async def run() -> list[Any]:
        may_go_on = asyncio.Event()

        async def slow() -> Credentials:
            await may_go_on.wait()
            return fetch()

        provider = AsyncRefreshingCredentials(slow, clock=clock)
        tasks = [asyncio.create_task(provider.get()) for _ in range(200)]
        asyncio.get_running_loop().call_soon(may_go_on.set)  # after all of them have started
        return await asyncio.gather(*tasks, return_exceptions=True)

    results = asyncio.run(run())
    assert fetch.calls == 1
    if fails:
        assert {result.__cause__ for result in results} == {fetch.failure}
    else:
        assert {result.secret_id for result in results} == {"id-1"}


def test_a_cancelled_fetch_is_taken_up_by_one_that_waits() -> None:
    async def run() -> tuple[str, int]:
        fetch, started = Fetch(Clock()), asyncio.Semaphore(0)
        may_go_on = asyncio.Event()

        async def slow() -> Credentials:
            started.release()
            await may_go_on.wait()
            return fetch()

        provider = AsyncRefreshingCredentials(slow, clock=Clock())
        first = asyncio.create_task(provider.get())
        second = asyncio.create_task(provider.get())
        await started.acquire()
        first.cancel()
        await started.acquire()
        may_go_on.set()
        keys = await second
        assert first.cancelled()
        return keys.secret_id, fetch.calls

    assert asyncio.run(asyncio.wait_for(run(), LIMIT)) == ("id-1", 1)


def test_one_provider_serves_one_event_loop_after_the_other() -> None:
    clock = Clock()
    provider = AsyncRefreshingCredentials(fetch := Fetch(clock), clock=clock)

    async def many() -> set[str]:
        return {keys.secret_id for keys in await asyncio.gather(*(provider.get() for _ in "abc"))}

    assert asyncio.run(many()) == {"id-1"}
    clock.now += 3600
    assert asyncio.run(many()) == {"id-2"}
    assert fetch.calls == 2


def test_a_fork_during_a_fetch_leaves_no_locked_lock_to_the_child() -> None:
    parent, clock = os.getpid(), Clock()
    gate, fetch = Gate(Fetch(clock)), Fetch(clock)
    provider = RefreshingCredentials(
        lambda: gate() if os.getpid() == parent else fetch(), clock=clock
    )
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(provider.get)
        assert gate.entered.wait(LIMIT)
        child = os.fork()
        if not child:
            signal.alarm(LIMIT)
            os._exit(0 if provider.get().secret_id == "id-1" else 1)
        _, status = os.waitpid(child, 0)
        gate.open.set()
        assert first.result(LIMIT).secret_id == "id-1"
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.parametrize("renew", [copy.copy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_pickle_of_a_provider_holds_no_keys(renew: Callable[[Any], Any]) -> None:
    provider = RefreshingCredentials(fixed_keys, early=60)
    provider.get()
    assert b"secret-key" not in pickle.dumps(provider)
    assert "secret-key" not in repr(provider)
    copied = renew(provider)
    assert (copied.early, copied.get()) == (60, provider.get())
    machine = renew(AsyncMetadataCredentials("role", endpoint="http://127.0.0.1:1", early=60))
    assert (type(machine), machine.early) == (AsyncMetadataCredentials, 60)
    assert (machine._role, machine._endpoint) == ("role", "http://127.0.0.1:1")
