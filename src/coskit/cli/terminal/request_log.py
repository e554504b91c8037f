"""The log of requests on standard error, for `-v` and `-vv`."""

import logging
import sys


def show_requests(verbosity: int) -> None:
    """Show requests on standard error.

    Args:
        verbosity: 0 for nothing, 1 for each request with its id, 2 for what is sent as well.
    """
    logger = logging.getLogger("coskit")
    if not verbosity:
        # Without a handler, Python prints warnings beside the one line of the error.
        logger.addHandler(logging.NullHandler())
        return
    from coskit.client.request.wire_log import WIRE  # a help text needs no client

    for handler in [*logger.handlers]:
        logger.removeHandler(handler)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if verbosity == 1 else WIRE)
    logger.propagate = False
