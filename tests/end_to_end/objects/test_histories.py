"""Operations of concurrent clients on few keys are linearizable.

COSKIT_HISTORY_OPERATIONS and COSKIT_HISTORY_SEED set their number and the random seed.
"""

import itertools
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from coskit import Client
from coskit.testing import LocalServer
from tests.end_to_end.objects import busy_client
from tests.support.linearizability import PRESENT, Event, Value, find_violation, read, write

OPERATIONS = int(os.environ.get("COSKIT_HISTORY_OPERATIONS", "60"))
SEED = os.environ.get("COSKIT_HISTORY_SEED", "0")
TASKS = 6
WRITES = ("put", "create", "replace", "copy", "delete")
LOST: dict[str, Any] = {"end": math.inf}


@dataclass
class History:
    """The operations and results of all clients."""

    records: list[dict[str, Any]]
    names: dict[str, str] = field(default_factory=dict)  # of objects, by ETag

    def __post_init__(self) -> None:
        for record in self.records:
            if record.get("etag") and "name" in record:
                self.names[record["etag"]] = record["name"]

    def of(self, *verbs: str) -> Iterator[dict[str, Any]]:
        """Yield the records of some verbs."""
        return (record for record in self.records if record["verb"] in verbs)

    def events(self, key: str) -> Iterator[Event]:
        """Yield the events of one key, as a register that holds an object's name."""
        for record in self.records:
            times, verb = (record["begin"], record["end"]), record["verb"]
            label = f"{verb} {record['id']}"
            if verb == "read" and record["key"] == key:
                yield read(*times, record.get("name"), label)
            elif verb in ("put", "delete") and record["key"] == key:
                yield write(*times, record.get("name"), label)
            elif verb == "create" and record["key"] == key:
                if "refused" in record:
                    yield Event(*times, PRESENT, label=f"{label} refused")
                else:
                    yield write(*times, record["name"], label, needs=None)
            elif verb == "replace" and record["key"] == key and "refused" not in record:
                expected = self.names[record["expected"]]
                yield write(*times, record["name"], label, needs=expected)
            elif verb == "copy" and key in (record["key"], record["source"]):
                yield from self._copied(record, key, label)
            elif verb in ("list", "versions") and "entries" in record:
                yield read(*times, self._listed(record, key), label)

    def _copied(self, record: dict[str, Any], key: str, label: str) -> Iterator[Event]:
        """Yield the event of a copy for a key: a read of the source, or a write."""
        times = record["begin"], record["end"]
        if record["end"] == math.inf:
            # It may have copied any version that existed at some time.
            if key == record["key"]:
                yield from (write(*times, name, label) for name in set(self.names.values()))
            return
        name = None if "missing" in record else self.names[record["etag"]]
        if key == record["source"]:
            yield read(*times, name, f"{label} from")
        elif name is not None:
            yield write(*times, name, f"{label} to")

    def _listed(self, record: dict[str, Any], key: str) -> Value:
        """Return the newest object's name in a listing of a key."""
        etags = [entry[-1] for entry in record["entries"] if entry[0] == key]
        return self.names[etags[0]] if etags and etags[0] else None


def start(server: LocalServer, bucket: str, name: str, operations: int, kind: str) -> Any:
    """Start a process with busy clients."""
    keys = {
        "COSKIT_ENDPOINT": server.endpoint,
        "COSKIT_SECRET_ID": server.secret_id,
        "COSKIT_SECRET_KEY": server.secret_key,
    }
    command = [sys.executable, busy_client.__file__, bucket, name]
    return subprocess.Popen(
        [*command, str(TASKS), str(operations), kind],
        env={**os.environ, **keys},
        stdout=subprocess.PIPE,
        text=True,
    )


def record(server: LocalServer, bucket: str, kind: str) -> History:
    """Run two processes to their end and one until it is killed; return their records."""
    first = start(server, bucket, f"{SEED}-1", OPERATIONS, kind)
    second = start(server, bucket, f"{SEED}-2", OPERATIONS, kind)
    killed = start(server, bucket, f"{SEED}-3", OPERATIONS * 100, kind)
    with first, second, killed:
        lines = [killed.stdout.readline() for _ in range(OPERATIONS)]
        killed.kill()
        lines += [line for line in killed.stdout if line.endswith("\n")]
        for process in (first, second):
            lines += process.communicate()[0].splitlines()
            assert process.returncode == 0
    records: dict[str, dict[str, Any]] = {}
    for line in lines:
        reported = json.loads(line)
        records.setdefault(reported["id"], dict(LOST)).update(reported)
    return History(list(records.values()))


@pytest.mark.parametrize("kind", ["objects", "versions"])
def test_everything_fits_one_order(
    server: LocalServer, owner: Client, bucket: str, kind: str
) -> None:
    if kind == "versions":
        owner.put_bucket_versioning(bucket, "Enabled")
    history = record(server, bucket, kind)
    assert all(seen["whole"] for seen in history.of("read") if "name" in seen)
    for key in busy_client.KEYS:
        assert find_violation(list(history.events(key))) == (), key
    for listing in history.of("versions"):
        if "entries" in listing:
            check_versions(history, listing)


def check_versions(history: History, listing: dict[str, Any]) -> None:
    """Check that a listing has exactly the versions stored before it, in order."""
    writes = [made for made in history.of(*WRITES) if not made.keys() & {"missing", "refused"}]
    reported = {made["version"]: made for made in writes if "version" in made}
    lost = {made["key"] for made in writes if made["end"] == math.inf}
    listed = [(key, version) for key, version, _ in listing["entries"]]
    assert len(set(listed)) == len(listed)
    assert [key for key, _ in listed] == sorted(key for key, _ in listed)
    for version, made in reported.items():
        assert made["end"] > listing["begin"] or (made["key"], version) in listed
    for key, version in listed:
        assert version in reported or key in lost
        assert version not in reported or reported[version]["begin"] < listing["end"]
    known = [reported[version] for _, version in listed if version in reported]
    for newer, older in itertools.pairwise(known):
        assert newer["key"] != older["key"] or newer["end"] > older["begin"]
