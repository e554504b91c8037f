"""One client's round: arguments are its name and place; prints a line of JSON for each ability."""

import importlib
import json
import sys
import time
import warnings
from pathlib import Path

from tests.compatibility.interop.capabilities import ABILITIES
from tests.compatibility.interop.client_rounds import Client, Place


def main() -> None:
    """Drive the client that the first argument names, at the place in the second."""
    name, described, *wanted = sys.argv[1:]
    warnings.simplefilter("ignore")
    settings = json.loads(described)
    place = Place(**{**settings, "scratch": Path(settings["scratch"])})
    module, _, variant = name.partition(":")
    client: Client = getattr(
        importlib.import_module(f"tests.compatibility.interop.clients.{module}"),
        variant or "Driven",
    )(place)
    tell({"version": client.version(), "dialect": client.dialect})
    for ability, check in ABILITIES.items():
        if wanted and ability not in wanted:
            continue
        if ability in client.cannot:
            tell({"ability": ability, "ok": None, "detail": client.cannot[ability]})
            continue
        begin = time.perf_counter()
        try:
            check(client)
            answer = {"ability": ability, "ok": True, "detail": ""}
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            answer = {"ability": ability, "ok": False, "detail": " ".join(said.split())[:1500]}
        if answer["ok"]:
            answer["detail"] = client.partly.get(ability, "")
        if ability == "special keys" and answer["ok"]:
            answer["detail"] = "; ".join(
                f"not `{key}`: {why}" for key, why in client.cannot_keys.items()
            )
        tell({**answer, "seconds": round(time.perf_counter() - begin, 2)})
    client.close()


def tell(line: dict[str, object]) -> None:
    """Print a line that begins a line, whatever the client has printed before."""
    print("\n" + json.dumps(line, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
