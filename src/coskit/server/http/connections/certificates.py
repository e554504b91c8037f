"""The TLS certificate of a server, reloaded when its files change."""

import logging
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

_log = logging.getLogger("coskit.server")
_STABLE_AFTER = 0.5  # seconds without a change before files are read: they are replaced one by one
_RETRY = 60.0  # seconds after which unusable files are read again

_Stamp = tuple[tuple[int, int, int, int] | None, ...]


class BadCertificate(ValueError):
    """A certificate, its key or the authority for client certificates cannot be used."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """The files of a certificate, all of them PEM.

    Attributes:
        certificate: the server's certificate, then those between it and a root.
        key: its private key without a passphrase; None if it is in the same file.
        client_ca: the authorities of required client certificates, or None.
    """

    certificate: Path
    key: Path | None = None
    client_ca: Path | None = None

    def stamp(self) -> _Stamp:
        """Return a value that changes whenever one of the files does; links are followed."""
        return tuple(_stamp(path) for path in (self.certificate, self.key, self.client_ca) if path)


class LiveContext(ssl.SSLContext):
    """A TLS context that starts each connection with the context that is current."""

    current: ssl.SSLContext

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """Start a connection, as event loops do."""
        return self.current.wrap_bio(*args, **options)


class Certificates:
    """The certificate in use.

    Open connections keep the certificate that they started with; new ones get the new certificate.
    Unusable files change nothing.

    Args:
        files: the files of the certificate.
        clock: returns seconds since 1970.
        monotonic: returns seconds of a monotonic clock.

    Attributes:
        context: the TLS context for connections; always the same object.
        names: the host names of the certificate.
        warning: a problem of the first certificate, such as its expiry, or "".
        logs_failures: whether failures are logged; False where another process logs them.

    Raises:
        BadCertificate: the files cannot be used.
    """

    def __init__(
        self,
        files: CertificateFiles,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.logs_failures = True
        self._files = files
        self._clock = clock
        self._monotonic = monotonic
        self._seen = self._tried = files.stamp()
        self._seen_at = self._tried_at = monotonic()
        self._failure = ""
        first, context = _load(files)
        self.warning = _untimely(files, first, clock())
        self.names = _names(first)
        self.context = LiveContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.current = context

    def reload_if_changed(self, *, asked: bool = False) -> None:
        """Load the files if they have changed and then stayed the same for a moment; blocks.

        Args:
            asked: load them at once, changed or not.
        """
        now, stamp = self._monotonic(), self._files.stamp()
        if stamp != self._seen:
            self._seen, self._seen_at = stamp, now
        if asked or self._is_due(now):
            self._tried, self._tried_at = stamp, now
            self._use(is_asked=asked)

    def _is_due(self, now: float) -> bool:
        if self._seen != self._tried:
            return now - self._seen_at >= _STABLE_AFTER
        return bool(self._failure) and now - self._tried_at >= _RETRY

    def _use(self, *, is_asked: bool) -> None:
        before = self._failure
        try:
            first, context = _load(self._files)
            self._failure = _untimely(self._files, first, self._clock())
        except BadCertificate as cause:
            self._failure = str(cause)
        if not self._failure:
            self.context.current, self.names = context, _names(first)
        elif self.logs_failures and (is_asked or self._failure != before):
            _log.error("coskit: the certificate in use stays: %s", self._failure)


def _load(files: CertificateFiles) -> tuple[x509.Certificate, ssl.SSLContext]:
    first = _check_pair(files)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(files.certificate, files.key, _no_passphrase)
    except (OSError, ValueError) as cause:
        raise BadCertificate(f"--certificate {files.certificate}: {_reason(cause)}") from cause
    if files.client_ca is not None:
        _read_certificates("--client-ca", files.client_ca)
        try:
            context.load_verify_locations(files.client_ca)
        except OSError as cause:
            raise BadCertificate(f"--client-ca {files.client_ca}: {_reason(cause)}") from cause
        context.verify_mode = ssl.CERT_REQUIRED
    return first, context


def _check_pair(files: CertificateFiles) -> x509.Certificate:
    """Return the server's certificate; check the files, since OpenSSL does not name the bad one."""
    option = "--key" if files.key else "--certificate"
    key_file = files.key or files.certificate
    first = _read_certificates("--certificate", files.certificate)[0]
    text = _read(option, key_file)
    try:
        key = load_pem_private_key(text, None)
    except TypeError as cause:
        raise BadCertificate(f"{option} {key_file}: the key has a passphrase") from cause
    except ValueError as cause:
        raise BadCertificate(f"{option} {key_file} holds no private key as PEM") from cause
    if _public(key.public_key()) != _public(first.public_key()):
        raise BadCertificate(
            f"{option} {key_file} does not belong to the first certificate of {files.certificate}"
        )
    return first


def _read_certificates(option: str, file: Path) -> list[x509.Certificate]:
    text = _read(option, file)
    try:
        return x509.load_pem_x509_certificates(text)
    except ValueError as cause:
        raise BadCertificate(f"{option} {file} holds no certificate as PEM") from cause


def _read(option: str, file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as cause:
        raise BadCertificate(f"{option} {file}: {_reason(cause)}") from cause


def _public(key: Any) -> bytes:
    form: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return form


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase")  # OpenSSL would ask for it at the terminal


def _reason(cause: Exception) -> str:
    if isinstance(cause, ssl.SSLError):
        return (cause.reason or str(cause)).lower().replace("_", " ")
    return getattr(cause, "strerror", None) or str(cause)


def _untimely(files: CertificateFiles, certificate: x509.Certificate, now: float) -> str:
    """Return the reason why a certificate is not valid at this time, or ""."""
    moment = datetime.fromtimestamp(now, UTC)
    if moment >= certificate.not_valid_after_utc:
        ended = certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"--certificate {files.certificate} has expired at {ended}"
    if moment < certificate.not_valid_before_utc:
        begins = certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"--certificate {files.certificate} is not valid before {begins}"
    return ""


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    domains = found.get_values_for_type(x509.DNSName)
    addresses = found.get_values_for_type(x509.IPAddress)
    return (*domains, *(str(address) for address in addresses))


def _stamp(path: Path) -> tuple[int, int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
