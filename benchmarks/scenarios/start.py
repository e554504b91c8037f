"""Start-up time of a program, and the memory of each client."""

import statistics
import subprocess
import sys
import time

from benchmarks import clients
from benchmarks.run import stub

_IMPORTS = {
    "coskit": "from coskit import Client",
    "cos-python-sdk-v5": "from qcloud_cos import CosS3Client",
    "obstore": "from obstore.store import S3Store",
    "opendal": "from opendal import Operator",
    "boto3": "import boto3",
    "minio": "from minio import Minio",
}
_CLIENTS = 100
_MADE = """
import resource, sys, time
from pathlib import Path
from benchmarks.clients import THREADED
make = THREADED[sys.argv[1]][1]
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
make(sys.argv[2]).get("object")
before, started = resident(), time.perf_counter()
clients = [make(sys.argv[2]) for _ in range(int(sys.argv[3]))]
taken = time.perf_counter() - started
for client in clients:
    client.get("object")
print(taken / len(clients) * 1000, (resident() - before) / len(clients) * 1024)
"""


def measure(rounds: int, _scale: float) -> dict[str, dict[str, dict[str, float]]]:
    """Return milliseconds of whole processes, and time and memory of a further client."""
    here = clients.here(clients.THREADED)
    commands = {who: [sys.executable, "-c", _IMPORTS[who]] for who in here}
    commands["python alone"] = [sys.executable, "-c", ""]
    figures = {
        "import coskit": _took({"coskit": [sys.executable, "-c", "import coskit"]}, rounds),
        "a client imported": _took(commands, rounds),
        "coskit --help": _took({"coskit": [sys.executable, "-m", "coskit", "--help"]}, rounds),
    }
    with stub() as port:
        place = f"http://127.0.0.1:{port}"
        figures["one client more"] = {who: _one_more(who, place, rounds) for who in here}
    return figures


def _took(commands: dict[str, list[str]], rounds: int) -> dict[str, dict[str, float]]:
    taken: dict[str, list[float]] = {who: [] for who in commands}
    for _ in range(rounds + 1):
        for who, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            taken[who].append((time.perf_counter() - started) * 1000)
    # The first run of each reads its files from the disk.
    return {who: {"milliseconds": statistics.median(all_[1:])} for who, all_ in taken.items()}


def _one_more(who: str, place: str, rounds: int) -> dict[str, float]:
    runs = []
    for _ in range(rounds):
        command = [sys.executable, "-W", "ignore", "-c", _MADE, who, place, str(_CLIENTS)]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        runs.append([float(word) for word in output.split()[-2:]])
    milliseconds, kib = (statistics.median(column) for column in zip(*runs, strict=True))
    return {"milliseconds": milliseconds, "kib": kib}
