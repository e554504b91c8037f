"""A certificate authority for tests, and its certificates for servers and clients."""

import ipaddress
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

HOUR = 3600.0


class CertificateAuthority:
    """A certificate authority, whose own certificate is in `file`.

    Args:
        directory: where its files are written.
        name: the authority's name.
    """

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self.directory = directory
        self.file = directory / f"{name}.pem"
        self._name = _named(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        own = self._begin(self._name, self._key.public_key(), -HOUR, 10 * HOUR)
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        own = own.add_extension(
            x509.KeyUsage(True, False, False, False, False, True, True, False, False), critical=True
        )
        self.file.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def give(
        self,
        name: str,
        *,
        begins: float = -HOUR,
        ends: float = HOUR,
        domain: str = "localhost",
        passphrase: bytes = b"",
    ) -> tuple[Path, Path]:
        """Write a certificate and its key, replacing earlier ones of that name whole.

        Args:
            name: of the two files.
            begins: seconds from now on, from which it is valid.
            ends: seconds from now on, until which it is.
            domain: that it is for, besides 127.0.0.1.
            passphrase: of the key, if it has one.

        Returns:
            The file of the certificate and that of the key.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._begin(_named(name), key.public_key(), begins, ends)
        names = [x509.DNSName(domain), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        made = made.add_extension(signer, critical=False)
        seal = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        texts = {
            f"{name}.crt": made.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM),
            f"{name}.key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, seal),
        }
        for file, text in texts.items():
            new = self.directory / f"{file}.new"
            new.write_bytes(text)
            os.replace(new, self.directory / file)  # noqa: PTH105
        return self.directory / f"{name}.crt", self.directory / f"{name}.key"

    def _begin(
        self, name: x509.Name, key: ec.EllipticCurvePublicKey, begins: float, ends: float
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(seconds=begins))
            .not_valid_after(now + timedelta(seconds=ends))
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def serial_number_of(pem: bytes) -> int:
    """Return the number of a certificate."""
    return x509.load_pem_x509_certificate(pem).serial_number
