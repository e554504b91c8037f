"""Random schedules of faults for the requests of a transfer."""

import os
from collections.abc import Sequence
from functools import partial

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from coskit.protocol.model import Operation
from tests.faults.proxy.faults import (
    CutRequest,
    CutResponse,
    Delay,
    DropReply,
    Duplicate,
    Fault,
    FlipByte,
    HeaderCase,
    LateError,
    Redirect,
    Refuse,
    ShortBody,
    ShortLength,
    SlowDown,
    Stall,
    Status,
    StatusAfter,
)
from tests.faults.proxy.proxy import Match, Rule, any_request

Schedule = tuple[Rule, ...]

# Set by `make faults N=50`: that many times as many schedules, and that many killed clients.
TIMES = int(os.environ.get("COSKIT_FAULTS", "1"))


def passing_faults(size: int) -> SearchStrategy[Fault]:
    """Return faults after which a retry can succeed, the mildest first.

    Args:
        size: the bytes of the bodies that are cut, flipped and shortened; the first and last
            ones are as likely as all others.
    """
    within = st.sampled_from((0, 1, size - 1, size)) | st.integers(0, size)
    few = st.sampled_from((1, size)) | st.integers(1, size)
    resets = st.booleans()
    return st.one_of(
        st.builds(HeaderCase, st.sampled_from(("lower", "upper"))),
        st.builds(
            Delay, st.sampled_from((0.001, 0.01, 0.05)), st.sampled_from(("request", "response"))
        ),
        st.builds(Duplicate),
        st.builds(SlowDown, st.sampled_from((None, 0))),
        st.builds(Status, st.sampled_from((500, 502, 503, 504, 408, 429))),
        st.builds(Refuse),
        st.builds(CutRequest, within, resets),
        st.builds(CutResponse, within, resets),
        st.builds(DropReply, resets),
        st.builds(StatusAfter, st.sampled_from((500, 502, 503, 504))),
        st.builds(ShortBody, few),
        st.builds(FlipByte, within, st.just("request")),
        st.builds(FlipByte, within, st.just("response")),
        st.builds(ShortLength, few),
        st.builds(partial(LateError, "InternalError"), st.booleans()),
    )


def final_faults() -> SearchStrategy[Fault]:
    """Return faults after which a client does not retry."""
    return st.one_of(
        st.builds(Status, st.sampled_from((400, 403, 404, 409, 412, 304, 204))),
        st.builds(Redirect, st.sampled_from((301, 302, 307, 308))),
        st.builds(LateError, st.just("AccessDenied")),
    )


def stalls(size: int) -> SearchStrategy[Fault]:
    """Return faults that only the client's timeout ends."""
    return st.builds(Stall, st.none() | st.integers(0, size))


def outages(size: int) -> SearchStrategy[Fault]:
    """Return faults that can be permanent without costing time."""
    return st.one_of(
        st.builds(Refuse),
        st.builds(Status, st.sampled_from((500, 503))),
        st.builds(CutRequest, st.integers(0, size)),
        st.builds(DropReply),
    )


def schedules(
    operations: Sequence[Operation],
    *,
    size: int,
    requests: int = 12,
    most: int = 3,
    final: bool = False,
    hangs: bool = False,
    outage: bool = False,
) -> SearchStrategy[Schedule]:
    """Return rules that each affect one request; an outage comes last and affects all that follow.

    While `most` is less than the client's attempts, a transfer can succeed by retries even if all
    of them affect the same request.

    Args:
        operations: the operations of the transfer; a rule matches one of them or any request.
        size: the bytes of its bodies.
        requests: how many requests of each operation rules can affect.
        most: the largest number of rules.
        final: whether to include faults that end a transfer.
        hangs: whether to include stalls, each of which takes the client's read timeout.
        outage: whether to include an outage from one request on.
    """
    faults = passing_faults(size)
    if final:
        faults |= final_faults()
    if hangs:
        faults |= stalls(size)
    matches: SearchStrategy[Match] = st.sampled_from((*operations, any_request))
    # The first is as likely as all others, because many operations are called once.
    skips = st.just(0) | st.integers(0, requests - 1)
    rules = st.builds(
        lambda match, skip, fault: Rule(match, fault, skip=skip), matches, skips, faults
    )
    schedule = st.lists(rules, max_size=most).map(tuple)
    if not outage:
        return schedule
    lasting = st.builds(
        lambda match, skip, fault: Rule(match, fault, times=None, skip=skip),
        matches,
        st.integers(0, requests),
        outages(size),
    )
    return schedule | st.builds(lambda some, last: (*some, last), schedule, lasting)
