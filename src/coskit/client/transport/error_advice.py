"""Advice on connections that fail, and which reasons do not go away by a retry."""

from typing import NamedTuple

import pycurl

_PROXY = "look at TransportSettings(proxy=...) and the variables http_proxy, https_proxy, all_proxy"
_NO_TLS = (
    "what listens there does not speak TLS: an endpoint without TLS begins with http://, and one "
    "without a scheme means https"
)
_PERHAPS_NO_TLS = "look whether TLS is spoken there: an endpoint without it begins with http://"
_NO_HTTP = "what listens there does not speak plain HTTP: an endpoint with TLS begins with https://"
_UNRESOLVED = "look whether the region or endpoint is spelled right"
_BY_CODE = {
    pycurl.E_PEER_FAILED_VERIFICATION: (
        "if the server is yours, give the certificate of its CA as TransportSettings(ca_file=...) "
        "or in the variable SSL_CERT_FILE"
    ),
    pycurl.E_SSL_CACERT_BADFILE: (
        "the file of certificates cannot be read: look at TransportSettings(ca_file=...) and the "
        "variable SSL_CERT_FILE"
    ),
    pycurl.E_SSL_CERTPROBLEM: "look at TransportSettings(certificate=..., certificate_key=...)",
    pycurl.E_COULDNT_RESOLVE_PROXY: _PROXY,
}
_NOT_TLS = (
    "wrong version number",
    "packet length too long",
    "record layer failure",
    "http request",
)
_NOT_HTTP = ("HTTP/0.9", "response is not HTTP/1")
_TUNNEL = ("CONNECT tunnel failed", "Proxy CONNECT aborted")


class Advice(NamedTuple):
    """Advice on a failed connection.

    Attributes:
        text: the advice, "" where none is known.
        lasting: whether a retry would fail in the same way.
    """

    text: str = ""
    lasting: bool = False


def advise(code: int, text: str, *, through_proxy: bool = False) -> Advice:
    """Return what to do about a failed connection.

    Args:
        code: libcurl's error code.
        text: libcurl's error text.
        through_proxy: whether the settings name a proxy.
    """
    if found := _BY_CODE.get(code):
        return Advice(found, lasting=True)
    if any(word in text for word in _TUNNEL):
        return Advice(f"the proxy refuses: {_PROXY}", lasting=True)
    if code == pycurl.E_SSL_CONNECT_ERROR:
        plain = any(word in text for word in _NOT_TLS)
        return Advice(_NO_TLS if plain else _PERHAPS_NO_TLS, lasting=plain)
    if any(word in text for word in _NOT_HTTP):
        return Advice(_NO_HTTP, lasting=True)
    if code == pycurl.E_COULDNT_RESOLVE_HOST:
        return Advice(_UNRESOLVED)
    if code == pycurl.E_COULDNT_CONNECT and (through_proxy or "proxy" in text.lower()):
        return Advice(f"it goes through a proxy: {_PROXY}")
    return Advice()
