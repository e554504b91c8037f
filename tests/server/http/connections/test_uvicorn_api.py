"""uvicorn's private classes are as the server knows them; a new version has to be tried first."""

import ast
import inspect
import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httptools
import pytest

from coskit.server.http.connections import uvicorn_api
from coskit.server.http.connections.uvicorn_api import (
    Config,
    HttpToolsProtocol,
    RequestResponseCycle,
    Server,
)

ROOT = Path(__file__).parents[4]
CYCLE = [
    *("scope", "transport", "flow", "logger", "access_logger", "access_log", "default_headers"),
    *("message_event", "expect_100_continue", "keep_alive", "on_response"),
]
METHODS = {
    HttpToolsProtocol: {
        "connection_made": ["transport"],
        "connection_lost": ["exc"],
        "data_received": ["data"],
        "eof_received": [],
        "on_message_begin": [],
        "on_url": ["url"],
        "on_header": ["name", "value"],
        "on_headers_complete": [],
        "on_body": ["body"],
        "on_message_complete": [],
        "on_response_complete": [],
        "shutdown": [],
        "send_400_response": ["msg"],
        "_start_asgi_task": ["cycle", "app"],
    },
    RequestResponseCycle: {"run_asgi": ["app"], "send": ["message"], "receive": []},
    Server: {
        "run": ["sockets"],
        "startup": ["sockets"],
        "handle_exit": ["sig", "frame"],
        "capture_signals": [],
    },
}


async def app(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("no request is sent")


def parameters(function: Any) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


def required(project: str) -> str:
    options: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras: list[str] = options["optional-dependencies"]["server"]
    return next(item.removeprefix(project) for item in extras if item.startswith(project))


def test_the_installed_version_is_one_that_was_tried() -> None:
    found = re.fullmatch(r">=(\d+\.\d+),<(\d+\.\d+)", required("uvicorn"))
    assert found, "both ends of the range are given"
    first, end = (tuple(map(int, text.split("."))) for text in found.groups())
    assert first <= tuple(map(int, version("uvicorn").split(".")[:2])) < end


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in METHODS.items() for name in names]
)
def test_methods_have_the_same_parameters(kind: type, name: str) -> None:
    assert parameters(getattr(kind, name)) == METHODS[kind][name]


def test_a_cycle_is_made_from_the_same_values_in_the_same_order() -> None:
    assert parameters(RequestResponseCycle) == CYCLE


def test_a_connection_has_the_attributes_that_ours_uses() -> None:
    config = Config(app, ws="none")
    config.load()
    server = Server(config)
    assert parameters(HttpToolsProtocol)[:3] == ["config", "server_state", "app_state"]
    connection: Any = HttpToolsProtocol(config, server.server_state, {}, _loop=object())  # type: ignore[arg-type]
    names = """app loop logger access_logger access_log server_state transport flow scheme pipeline
        scope headers expect_100_continue cycle parser connections tasks""".split()
    assert [name for name in names if not hasattr(connection, name)] == []
    assert isinstance(connection.parser, httptools.HttpRequestParser)
    assert {"total_requests", "connections", "default_headers"} <= vars(server.server_state).keys()


def test_a_server_has_the_attributes_that_ours_uses() -> None:
    names = {"server_state", "started", "should_exit", "force_exit", "_captured_signals", "config"}
    assert names <= vars(Server(Config(app))).keys()


def test_a_cycle_has_the_attributes_that_ours_uses() -> None:
    values: dict[str, Any] = dict.fromkeys(CYCLE)
    cycle = RequestResponseCycle(**values)
    names = """scope transport flow message_event on_response keep_alive disconnected more_body body
        waiting_for_100_continue response_started response_complete""".split()
    assert [name for name in names if not hasattr(cycle, name)] == []


def test_status_lines_are_complete() -> None:
    assert uvicorn_api.STATUS_LINE[200] == b"HTTP/1.1 200 OK\r\n"
    assert uvicorn_api.STATUS_LINE[505] == b"HTTP/1.1 505 HTTP Version Not Supported\r\n"
    assert uvicorn_api.HIGH_WATER_LIMIT >= 1 << 16


def test_one_module_imports_uvicorn() -> None:
    importing = set()
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if any(name.split(".")[0] == "uvicorn" for name in names):
                importing.add(path.name)
    assert importing == {"uvicorn_api.py"}
