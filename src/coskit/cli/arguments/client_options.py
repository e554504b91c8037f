"""Options of commands that talk to a service: its address, the keys, the dialect."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from coskit import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """The options of every command that talks to a service; the help says what each does."""

    endpoint: Annotated[
        str | None, typer.Option(help="Address of the service, as http://127.0.0.1:9000.")
    ] = None
    region: Annotated[str | None, typer.Option(help="Region, as ap-guangzhou.")] = None
    profile: Annotated[str | None, typer.Option(help="Table of the configuration file to use.")] = (
        None
    )
    dialect: Annotated[
        Literal["cos", "s3"] | None, typer.Option(help="Dialect of the service.")
    ] = None
    no_sign: Annotated[bool, typer.Option("--no-sign", help="Send unsigned requests.")] = False
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            show_default=False,
            help="Show each request with its id; twice: what is sent, without secrets.",
        ),
    ] = 0

    def client(self, **settings: Any) -> "Client":
        """Return a client of the service.

        Args:
            **settings: further arguments of `Client`, such as `transfers`.

        Raises:
            CredentialsError: there are no keys.
            ParameterError: there is neither a region nor an endpoint.
        """
        from coskit import Client  # a help text needs no client
        from coskit.cli.terminal.request_log import show_requests

        show_requests(self.verbose)
        return Client(
            endpoint=self.endpoint,
            region=self.region,
            profile=self.profile,
            dialect=self.dialect,
            anonymous=self.no_sign,
            **settings,
        )
