"""The error of methods that the vendor's SDK has and coskit does not have."""

from typing import Never

from coskit.protocol.errors import CosClientError

DESCRIBED = "docs/compatibility.md, coskit.compat"
_KINDS = (
    ("vectors", ("vector", "index", "indexes")),
    ("live channels and what is recorded of them", ("live_channel", "vod", "rtmp")),
    ("queries in SQL", ("select",)),
    ("fetching from URLs, a service of its own", ("fetch",)),
    ("requests that are made by hand", ("send_request",)),
)


def raise_unsupported(name: str) -> Never:
    """Raise the error of a method that coskit does not have.

    Raises:
        CosClientError: always; it names the kind of the method and the page that describes it.
    """
    kinds = (kind for kind, words in _KINDS if any(word in name for word in words))
    kind = next(kinds, "the service's data processing")
    raise CosClientError(f"{name} is not in coskit: it is of {kind}; see {DESCRIBED}")
