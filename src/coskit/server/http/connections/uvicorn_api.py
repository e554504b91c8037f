"""The parts of uvicorn that the server builds on, private classes among them.

uvicorn promises nothing about most of these names. pyproject.toml therefore pins the versions that
were tried, and a test compares the names, parameters and attributes that are used here.
"""

from uvicorn import Config, Server
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

__all__ = [
    "HIGH_WATER_LIMIT",
    "STATUS_LINE",
    "Config",
    "HttpToolsProtocol",
    "RequestResponseCycle",
    "Server",
]
