"""Large objects from a server, one stream: GET against nginx, PUT against the speed of MD5."""

import hashlib
import time
from functools import partial

from benchmarks import servers
from benchmarks.servers import Contender

SIZE = 64 << 20
KEYS = ["large"]
MD5 = "MD5, one core"
CONTENDERS = {
    "coskit": servers.coskit,
    "rclone serve s3": servers.rclone,
    "nginx, sendfile": servers.nginx,
}


def measure(rounds: int, scale: float) -> dict[str, dict[str, dict[str, float]]]:
    """Return the figures by mode and server."""
    put = partial(
        servers.load, method="PUT", keys=KEYS, size=SIZE, connections=1, seconds=3 * scale
    )
    get = partial(servers.load, method="GET", keys=KEYS, connections=1, seconds=2 * scale)
    with servers.started(CONTENDERS) as contenders:
        for server in contenders.values():
            _fill(server)
        takers = {who: server for who, server in contenders.items() if server.files is None}
        speeds = []

        def put_beside_md5(server: Contender) -> dict[str, float]:
            speeds.append(_md5())
            return put(server)

        puts = servers.in_turn(takers, put_beside_md5, rounds)
        puts[MD5] = servers.medians(speeds)
        gets = servers.in_turn(contenders, get, rounds)
    return {"64 MiB PUT, 1 in flight": puts, "64 MiB GET, 1 in flight": gets}


def _fill(server: Contender) -> None:
    """Store the object."""
    if server.files is None:
        servers.load(server, "PUT", KEYS, size=SIZE, connections=1, seconds=1)
    else:
        (server.files / KEYS[0]).write_bytes(bytes(SIZE))


def _md5() -> dict[str, float]:
    data = bytes(SIZE)
    start, start_cpu = time.perf_counter(), time.process_time()
    hashlib.md5(data).digest()
    seconds, used = time.perf_counter() - start, time.process_time() - start_cpu
    return {
        "requests_per_second": 1 / seconds,
        "mib_per_second": SIZE / 2**20 / seconds,
        "cpu_microseconds": used * 1e6,
        "p50_ms": seconds * 1e3,
        "p99_ms": seconds * 1e3,
    }
