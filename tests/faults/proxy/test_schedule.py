"""Random schedules are printable and leave the proxy working."""

from contextlib import suppress

from hypothesis import HealthCheck, given, settings

from coskit.protocol import operations
from coskit.protocol.operations import (
    GET_OBJECT,
    PUT_OBJECT,
)
from tests.faults.proxy import faults
from tests.faults.proxy import proxy as proxies
from tests.faults.proxy.proxy import FaultProxy
from tests.faults.proxy.schedule import Schedule, schedules
from tests.faults.proxy.socket_pair import BODY
from tests.server.support.http_client import HTTPClient

ROWS = (PUT_OBJECT, GET_OBJECT)


@given(schedule=schedules(ROWS, size=len(BODY), final=True, hangs=True, outage=True))
def test_a_schedules_repr_is_its_source(schedule: Schedule) -> None:
    names = {**vars(faults), **vars(proxies), **vars(operations)}
    assert eval(repr(schedule), names) == schedule
    assert len(schedule) <= 4
    assert all(rule.times == 1 for rule in schedule[:-1])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schedule=schedules(ROWS, size=len(BODY), requests=4, final=True))
def test_after_any_schedule_the_next_request_passes(
    proxy: FaultProxy, http_client: HTTPClient, bucket: str, schedule: Schedule
) -> None:
    path = f"/{bucket}/a"
    proxy.clear()
    proxy.rules = schedule
    for method, body in [("PUT", BODY), ("GET", None)] * 4:
        with suppress(EOFError, ConnectionError):
            http_client.request(method, path, {}, body)
    proxy.rules = []
    assert http_client.request("PUT", path, {}, BODY).status == 200
    assert http_client.request("GET", path).body == BODY
    assert len(proxy.exchanges) == 10, proxy.report()
