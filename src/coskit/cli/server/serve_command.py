"""The command `coskit serve`, without the server, which is slow to load."""

from coskit.cli.server.serve_options import ServeOptions

EXAMPLES = """
Serve ./coskit-data at http://127.0.0.1:9000, with one bucket:
  coskit serve --bucket photos-1250000000
Serve another directory to the network, with TLS:
  coskit serve /srv/cos --host 0.0.0.0 --certificate cert.pem --key key.pem
"""


def serve(options: ServeOptions) -> None:
    """Serve the COS dialect over a directory."""
    from coskit.cli.server.serve import serve as run

    run(options)
