"""Settings of the client's connections and of their timeouts."""

from dataclasses import dataclass
from typing import Literal

from coskit.client.settings.argument_checks import flag, limit, path_of, text, whole
from coskit.protocol.errors import ParameterError

HTTP_VERSIONS = ("1.1", "2", "3")


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """The settings of connections and their time limits.

    Attributes:
        connect_timeout: seconds to a connection, name look-up and TLS included.
        read_timeout: seconds without a single byte moving either way.
        total_timeout: seconds for the whole exchange, reading of the body included.
        proxy: a proxy's URL; None takes the environment's, "" takes none.
        ca_file: certificates to trust, as PEM; None takes the host's.
        verify: whether the server's certificate and name are checked.
        connections: idle connections that are kept.
        user_agent: what the client calls itself; None says coskit and its version.
        longest_error: bytes of an error document that are read; what follows is left.
        longest_result: bytes of a listing or another document, from which on it is refused.
        http: the newest version of HTTP to use where the endpoint offers it over TLS. The older
            one costs less per request; others help where connections are slow to make.
        certificate: the client's own, as PEM, for services that ask for one.
        certificate_key: its key, as PEM, where it is not in the same file.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    total_timeout: float | None = None
    proxy: str | None = None
    ca_file: str | None = None
    verify: bool = True
    connections: int = 64
    user_agent: str | None = None
    http: Literal["1.1", "2", "3"] = "1.1"
    certificate: str | None = None
    certificate_key: str | None = None
    longest_error: int = 1 << 20
    longest_result: int = 64 << 20

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ParameterError: one is of a wrong type or out of range.
        """
        limit("connect_timeout", self.connect_timeout)
        limit("read_timeout", self.read_timeout, endless=True)
        if self.total_timeout is not None:
            limit("total_timeout", self.total_timeout)
        flag("verify", self.verify)
        whole("connections", self.connections, 0)
        whole("longest_error", self.longest_error)
        whole("longest_result", self.longest_result)
        for name in ("proxy", "user_agent"):
            if getattr(self, name) is not None:
                text(name, getattr(self, name))
        for name in ("ca_file", "certificate", "certificate_key"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, path_of(name, getattr(self, name)))
        if self.http not in HTTP_VERSIONS:
            raise ParameterError(
                f"http must be one of {', '.join(HTTP_VERSIONS)}, not {self.http!r}"
            )
