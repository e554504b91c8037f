"""The options of `coskit serve`, each with its help and its default."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """The options of `coskit serve` as given, not yet checked; the help says what each does."""

    directory: Annotated[Path, typer.Argument(help="Where everything is kept.")] = Path(
        "coskit-data"
    )
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1"
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 9000
    certificate: Annotated[
        Path | None, typer.Option(help="Serve HTTPS with this certificate and its chain (PEM).")
    ] = None
    key: Annotated[
        Path | None, typer.Option(help="Key of the certificate, if it lies in another file.")
    ] = None
    client_ca: Annotated[
        Path | None, typer.Option(help="Serve only clients with a certificate of this authority.")
    ] = None
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            help="Network of a proxy whose X-Forwarded-* count, as 10.0.0.0/8; repeatable."
        ),
    ] = None
    allow_nonempty: Annotated[
        bool, typer.Option("--allow-nonempty", help="Start a store beside other files.")
    ] = False
    region: Annotated[str, typer.Option(help="Region that clients see.")] = "ap-local"
    bucket: Annotated[list[str] | None, typer.Option(help="Create this bucket; repeatable.")] = None
    domain: Annotated[
        list[str] | None,
        typer.Option(help="A domain under which a label names a bucket; repeatable."),
    ] = None
    restore_delay: Annotated[
        list[str] | None,
        typer.Option(help="How long a tier takes to restore, as Standard=2s; repeatable."),
    ] = None
    lifecycle_interval: Annotated[
        str, typer.Option(help="From one pass over the lifecycle rules to the next.")
    ] = "1h"
    day_length: Annotated[
        str, typer.Option(help="What lifecycle rules take for a day; shorter for tests.")
    ] = "1d"
    durability: Annotated[
        str, typer.Option(help="What a power cut may undo: strict, relaxed or none.")
    ] = "strict"
    scrub_rate: Annotated[
        str, typer.Option(help="How much the scrub reads in a second; 0 for no scrub.")
    ] = "20MiB"
    scrub_period: Annotated[
        str, typer.Option(help="From the beginning of one scrub to that of the next.")
    ] = "30d"
    timeout: Annotated[
        list[str] | None,
        typer.Option(
            help="Longest wait for head, idle, body, response or queue, as body=30s; repeatable."
        ),
    ] = None
    max_requests: Annotated[
        int, typer.Option(min=1, help="Requests worked on at a time; the next ones wait.")
    ] = 1024
    max_strangers: Annotated[
        int, typer.Option(min=0, help="Of these, those without a signature; 0 is half of them.")
    ] = 0
    max_waiting: Annotated[
        int, typer.Option(min=0, help="Requests that may wait; the next ones get SlowDown.")
    ] = 1024
    max_commits: Annotated[
        int, typer.Option(min=1, help="Changes that may wait; further writes get SlowDown.")
    ] = 1024
    slowest: Annotated[
        str, typer.Option(help="What has to come of a body in a second, on average.")
    ] = "1KiB"
    memory: Annotated[str, typer.Option(help="Memory for all bodies on their way in and out.")] = (
        "256MiB"
    )
    reserve: Annotated[str, typer.Option(help="What is left free on the disk, for deletions.")] = (
        "32MiB"
    )
    grace: Annotated[str, typer.Option(help="How long running requests have after a SIGTERM.")] = (
        "30s"
    )
    metrics: Annotated[
        str, typer.Option(help="Who may read /-/metrics: loopback, public or off.")
    ] = "loopback"
    access_log: Annotated[
        str, typer.Option(help="File for a line of JSON per request; - is standard output.")
    ] = ""
    workers: Annotated[
        int, typer.Option(min=1, max=256, help="Processes that serve the directory together.")
    ] = 1
    longest_signature: Annotated[
        str, typer.Option(help="How long a signature may be valid; S3's version 4: seven days.")
    ] = "366d"
    quiet: Annotated[bool, typer.Option(help="Print nothing at start.")] = False
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON at start, without secrets.")
    ] = False
    fd: Annotated[int | None, typer.Option(hidden=True)] = None
