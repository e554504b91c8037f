"""Small objects from a server: 1 KiB and 64 KiB, GET and PUT, at 1, 32 and 256 connections."""

from functools import partial

from benchmarks import servers

KEYS = [f"small/{number:04}" for number in range(1000)]
SIZES = {"1 KiB": 1 << 10, "64 KiB": 1 << 16}
CONNECTIONS = (1, 32, 256)
CONTENDERS = {
    "coskit": servers.coskit,
    "coskit, 2 workers": lambda directory: servers.coskit(directory, "--workers=2"),
    "rclone serve s3": servers.rclone,
}


def measure(rounds: int, scale: float) -> dict[str, dict[str, dict[str, float]]]:
    """Return the figures by mode and server."""
    modes = {}
    for name, size in SIZES.items():
        with servers.started(CONTENDERS) as contenders:
            for server in contenders.values():
                servers.fill(server, KEYS, size)
            for connections in CONNECTIONS:
                for method in ("GET", "PUT"):
                    work = partial(
                        servers.load,
                        method=method,
                        keys=KEYS,
                        size=size if method == "PUT" else 0,
                        connections=connections,
                        seconds=2 * scale,
                    )
                    mode = f"{name} {method}, {connections} in flight"
                    modes[mode] = servers.in_turn(contenders, work, rounds)
    return modes
