"""Run one client's round and print a line of JSON for each ability."""

import importlib
import json
import sys
import time
import warnings
from pathlib import Path

from tests.compatibility.interop.capabilities import ABILITIES
from tests.compatibility.interop.client_rounds import Client, Workspace


def main() -> None:
    """Run the client of the first argument in the workspace of the second, a JSON object."""
    name, described, *wanted = sys.argv[1:]
    warnings.simplefilter("ignore")
    settings = json.loads(described)
    workspace = Workspace(**{**settings, "scratch": Path(settings["scratch"])})
    module, _, variant = name.partition(":")
    client: Client = getattr(
        importlib.import_module(f"tests.compatibility.interop.clients.{module}"),
        variant or "Driver",
    )(workspace)
    report({"version": client.version(), "dialect": client.dialect})
    for ability, check in ABILITIES.items():
        if wanted and ability not in wanted:
            continue
        if ability in client.unsupported:
            report({"ability": ability, "ok": None, "detail": client.unsupported[ability]})
            continue
        begin = time.perf_counter()
        try:
            check(client)
            result = {"ability": ability, "ok": True, "detail": ""}
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            result = {"ability": ability, "ok": False, "detail": " ".join(text.split())[:1500]}
        if result["ok"]:
            result["detail"] = client.partial.get(ability, "")
        if ability == "special keys" and result["ok"]:
            result["detail"] = "; ".join(
                f"not `{key}`: {why}" for key, why in client.unsupported_keys.items()
            )
        report({**result, "seconds": round(time.perf_counter() - begin, 2)})
    client.close()


def report(line: dict[str, object]) -> None:
    """Print a JSON line, on a new line even if the client has printed a partial one."""
    print("\n" + json.dumps(line, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
