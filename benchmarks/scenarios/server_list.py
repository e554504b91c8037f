"""Listings of 10^4, 10^5 and 10^6 keys, and a server's start-up with that number."""

import tempfile
import time
from pathlib import Path

from benchmarks import servers
from benchmarks.servers import Contender
from coskit.server.store.index import database, rows

KEYS = (10**4, 10**5, 10**6)
FOLDERS = 100
PAGE = 1000
_PAGES = 100  # positions in the bucket from which pages are read


def measure(rounds: int, scale: float) -> dict[str, dict[str, dict[str, float]]]:
    """Return the figures by number of keys and kind of listing; coskit has no rival here."""
    with tempfile.TemporaryDirectory(dir=servers.scratch()) as place:
        return {f"{n:,} keys": _at(Path(place) / str(n), n, rounds, scale) for n in KEYS}


def _at(directory: Path, count: int, rounds: int, scale: float) -> dict[str, dict[str, float]]:
    with servers.coskit(directory) as server:
        servers.load(server, "PUT", ["template"], seconds=1, connections=1)
    _fill(directory, count)
    began = time.perf_counter()
    with servers.coskit(directory) as server:
        started = time.perf_counter() - began
        memory = servers.resident_mib(server.pid)
        kinds: dict[str, list[servers.Query]] = {
            "1,000 keys": [(("marker", _key(n, count)),) for n in range(0, count, count // _PAGES)],
            "root with delimiter": [(("delimiter", "/"),)],
            "folder": [(("prefix", f"{n:03}/"), ("delimiter", "/")) for n in range(FOLDERS)],
        }
        runs: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
        for _ in range(rounds):
            for kind, queries in kinds.items():
                runs[kind].append(_load(server, queries, scale))
        figures = {kind: servers.medians(done) for kind, done in runs.items()}
        figures["1,000 keys"]["keys_per_second"] = (
            figures["1,000 keys"]["requests_per_second"] * PAGE
        )
        figures["server"] = {
            "start_seconds": started,
            "resident_mib_at_start": memory,
            "resident_mib_after_listings": servers.resident_mib(server.pid),
        }
    return figures


def _load(server: Contender, queries: list[servers.Query], scale: float) -> dict[str, float]:
    return servers.load(server, "GET", [""], queries=queries, connections=1, seconds=2 * scale)


def _key(number: int, count: int) -> str:
    """Return the key of an object, in listing order."""
    return f"{number * FOLDERS // count:03}/{number:08}"


def _fill(directory: Path, count: int) -> None:
    """Multiply the template object in the index, hours faster than by requests."""
    db = database.connect(directory / database.FILE)
    others = rows.VERSION.replace("vord,", "vord + n,")
    db.execute(
        "WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?)"
        f" INSERT INTO head (bucket_id, key, {rows.VERSION})"
        " SELECT bucket_id, CAST(printf('%03d/%08d', n * ? / ?, n) AS BLOB),"
        f" {others} FROM number, (SELECT * FROM head WHERE key = CAST('template' AS BLOB))",
        (count, FOLDERS, count),
    )
    db.execute("DELETE FROM head WHERE key = CAST('template' AS BLOB)")
    db.close()
