"""The vendor's `CosConfig`: a client's settings under the vendor's names."""

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from coskit.client.config import ClientConfig
from coskit.client.settings.retry import RetryPolicy
from coskit.client.settings.transport import TransportSettings
from coskit.client.transfer.copy_options import SINGLE_COPY
from coskit.compat.cos_comm import format_bucket, format_endpoint, to_unicode
from coskit.protocol import types
from coskit.protocol.auth.credentials import Credentials, without_margin
from coskit.protocol.endpoint import Endpoint, parse_endpoint
from coskit.protocol.errors import CosClientError, CredentialsError, ParameterError

_SECONDS = 30.0
# Read at each request; a change of any other setting needs a new client.
_LIVE = frozenset(("_secret_id", "_secret_key", "_token", "_credential_inst"))
Timeout = float | tuple[float | None, float | None] | None


class CosConfig:
    """The settings of a `CosS3Client`.

    They may be changed at any time, as with `set_credential`; changes apply from the next call on.
    """

    def __init__(
        self,
        Appid: str | None = None,
        Region: str | None = None,
        SecretId: str | None = None,
        SecretKey: str | None = None,
        Token: str | None = None,
        CredentialInstance: Any = None,
        Scheme: str | None = None,
        Timeout: Timeout = None,
        Access_id: str | None = None,
        Access_key: str | None = None,
        Secret_id: str | None = None,
        Secret_key: str | None = None,
        Endpoint: str | None = None,
        IP: str | None = None,
        Port: int | str | None = None,
        Anonymous: bool | None = None,
        UA: str | None = None,
        Proxies: Mapping[str, str] | None = None,
        Domain: str | None = None,
        ServiceDomain: str | None = None,
        KeepAlive: bool = True,
        PoolConnections: int = 10,
        PoolMaxSize: int = 10,
        AllowRedirects: bool = False,
        SignHost: bool = True,
        EndpointCi: str | None = None,
        EndpointPic: str | None = None,
        EnableOldDomain: bool = True,
        EnableInternalDomain: bool = True,
        SignParams: bool = True,
        AutoSwitchDomainOnRetry: bool = False,
        VerifySSL: bool | str | None = None,
        SSLCert: str | tuple[str, str] | None = None,
    ) -> None:
        """Check and store the settings.

        Args:
            Appid: appended to bucket names that lack it.
            Region: the region, such as `ap-guangzhou`. If the environment has COSKIT_ENDPOINT,
                requests go there, and the region is only that of the sources of copies.
            SecretId: the id of the key pair; `Secret_id` and `Access_id` are the same.
            SecretKey: the secret of the key pair; `Secret_key` and `Access_key` are the same.
            Token: the token of a temporary key pair.
            CredentialInstance: an object with `secret_id`, `secret_key` and `token`, which are
                read at each request and may change.
            Scheme: `https` or `http`.
            Timeout: the seconds for connecting and for each read, 30 by default; or a pair of both.
            Access_id: the same as SecretId.
            Access_key: the same as SecretKey.
            Secret_id: the same as SecretId.
            Secret_key: the same as SecretKey.
            Endpoint: the host that bucket names are prepended to.
            IP: the address to connect to, instead of the host's.
            Port: the port at that address.
            Anonymous: send unsigned requests.
            UA: the User-Agent header.
            Proxies: the proxies by scheme.
            Domain: a host that belongs to one bucket.
            ServiceDomain: the host that lists buckets.
            KeepAlive: False closes each connection after its request.
            PoolConnections: accepted and not used: connections to any number of hosts are kept.
            PoolMaxSize: the number of idle connections to keep.
            AllowRedirects: accepted and not used: a redirect is always an error, because a
                signature is valid for one address.
            SignHost: False leaves the host unsigned.
            EndpointCi: the host of data processing, which coskit does not support.
            EndpointPic: the host of image processing, which coskit does not support.
            EnableOldDomain: False uses the region's host in `tencentcos.cn`.
            EnableInternalDomain: with `EnableOldDomain=False`, True uses the host inside the cloud.
            SignParams: False leaves the parameters in the URL unsigned.
            AutoSwitchDomainOnRetry: try unreachable requests at the service's second domain.
            VerifySSL: False trusts any certificate; a path names the file of CA certificates.
            SSLCert: the client's own certificate: a PEM file with its key, or certificate and key.

        Raises:
            CosClientError: there is no region, endpoint or domain, the scheme is unknown, or there
                are no keys.
        """
        self._appid = to_unicode(Appid)
        self._token = to_unicode(Token)
        self._timeout = Timeout
        self._region = Region
        self._ip = to_unicode(IP)
        self._port = Port
        self._anonymous = Anonymous
        self._ua = UA
        self._proxies = Proxies
        self._domain = Domain
        self._service_domain = ServiceDomain
        self._keep_alive = KeepAlive
        self._pool_connections = PoolConnections
        self._pool_maxsize = PoolMaxSize
        self._allow_redirects = AllowRedirects
        self._sign_host = SignHost
        self._copy_part_threshold_size = SINGLE_COPY
        self._enable_old_domain = EnableOldDomain
        self._enable_internal_domain = EnableInternalDomain
        self._sign_params = SignParams
        self._auto_switch_domain_on_retry = AutoSwitchDomainOnRetry
        self._verify_ssl = VerifySSL
        self._ssl_cert = SSLCert
        self._scheme = to_unicode(Scheme) or "https"
        if self._scheme not in ("http", "https"):
            raise ParameterError("Scheme can be only set to http/https")
        domains = bool(EnableOldDomain), bool(EnableInternalDomain)
        self._endpoint = (
            format_endpoint(Endpoint, Region, "cos.", *domains) if Domain is None else Endpoint
        )
        self._endpoint_ci = format_endpoint(EndpointCi, Region, "ci.", True, False)
        self._endpoint_pic = format_endpoint(EndpointPic, Region, "pic.", True, False)
        # An explicit address takes precedence; the environment may redirect a region.
        self._is_named = bool(Endpoint or Domain or IP)
        self._credential_inst: Any = None
        self._secret_id: str | None = None
        self._secret_key: str | None = None
        self._keep_keys(
            CredentialInstance,
            (SecretId, SecretKey),
            (Secret_id, Secret_key),
            (Access_id, Access_key),
        )

    def __setattr__(self, name: str, value: Any) -> None:
        own = vars(self)
        own[name] = value
        if name not in _LIVE:
            own["_version"] = own.get("_version", 0) + 1

    @property
    def version(self) -> int:
        """A number that changes with each change that needs a new client."""
        number: int = vars(self)["_version"]
        return number

    def _keep_keys(self, instance: Any, *pairs: tuple[str | None, str | None]) -> None:
        pair = next((pair for pair in pairs if all(pair)), None)
        if pair is not None:
            self._secret_id, self._secret_key = map(self.convert_secret_value, pair)
        elif instance is not None:
            if not all(hasattr(instance, name) for name in ("secret_id", "secret_key", "token")):
                raise CredentialsError("CredentialInstance needs secret_id, secret_key and token")
            self._credential_inst = instance
        elif not self._anonymous:
            raise CredentialsError("SecretId and SecretKey is Required!")

    def set_credential(self, SecretId: str, SecretKey: str, Token: str | None = None) -> None:
        """Replace the key pair and the token."""
        self._secret_id = self.convert_secret_value(SecretId)
        self._secret_key = self.convert_secret_value(SecretKey)
        self._token = to_unicode(Token)
        self._credential_inst = None

    def set_ip_port(self, IP: str, Port: int | str | None = None) -> None:
        """Set the address to connect to, instead of the host's."""
        self._ip, self._port, self._is_named = to_unicode(IP), Port, True

    def set_copy_part_threshold_size(self, size: int) -> None:
        """Set the size above which `copy` copies in parts; the default is 5 GB."""
        if size > 0:
            self._copy_part_threshold_size = size

    def convert_secret_value(self, value: Any) -> str:
        """Return a key as text.

        Raises:
            CredentialsError: the key is enclosed in blanks, marks or quotes.
        """
        text = to_unicode(value)
        if not isinstance(text, str) or not text or text != without_margin(text):
            raise CredentialsError(
                "secret_id and secret_key must be text without blanks, line breaks, a byte order "
                "mark or quotes around it"
            )
        return text

    def uri(
        self,
        bucket: str | None = None,
        path: str | None = None,
        endpoint: str | None = None,
        domain: str | None = None,
        useAppid: bool = False,
    ) -> str:
        """Return the URL of a bucket or an object.

        Args:
            bucket: the bucket's name; the APPID may be missing.
            path: the object's key.
            endpoint: the host that the name is prepended to, if not the region's.
            domain: the host that belongs to the bucket.
            useAppid: prepend the APPID to the host if there is no bucket.

        Raises:
            CosClientError: the bucket's name is invalid, or the key is empty.
        """
        host = domain or self._domain
        if not host:
            label = format_bucket(bucket, self._appid) if bucket is not None else ""
            label = label or (self._appid if useAppid else "")
            host = ".".join(part for part in (label, endpoint or self._endpoint) if part)
        host = self._via() or host
        if path is None:
            return f"{self._scheme}://{host}/"
        if not path:
            raise CosClientError("Key is required not empty")
        encoded = quote(to_unicode(path).removeprefix("/"), safe="/-_.~").replace("./", ".%2F")
        return f"{self._scheme}://{host}/{encoded}"

    def cos_vectors_uri(self, domain: str | None = None, path: str | None = None) -> str:
        """Return the URL of a call of the vendor's service for vectors."""
        if not path:
            raise CosClientError("path is required not empty")
        host = self._via() if self._port is not None else ""
        host = host or domain or self._domain or ""
        if not host and not self._region:
            raise CosClientError("Region is Required!")
        host = host or f"vectors.{self._region}.coslake.com"
        return f"{self._scheme}://{host}/{quote(path.removeprefix('/'), safe='/-_.~')}"

    def get_host(self, Bucket: str | None = None, Appid: str | None = None) -> str | None:
        """Return the host of a bucket, or of an account."""
        if Bucket is not None:
            return f"{format_bucket(Bucket, self._appid)}.{self._endpoint}"
        return None if Appid is None else f"{Appid}.{self._endpoint}"

    def bucket(self, name: Any, appid: str = "") -> str:
        """Return the full name of a bucket; `appid` takes precedence over the setting."""
        return format_bucket(name, appid or self._appid)

    def copy_source(self, source: Any) -> Any:
        """Return the source of a copy with the full name of its bucket."""
        if not isinstance(source, Mapping) or not isinstance(source.get("Bucket"), str):
            return source
        named = {name: value for name, value in source.items() if name != "Appid"}
        return {**named, "Bucket": self.bucket(source["Bucket"], str(source.get("Appid") or ""))}

    def source_here(self, bucket: str, key: str) -> types.CopySource:
        """Return the CopySource of an object of this service."""
        if self._region:
            return {"Bucket": self.bucket(bucket), "Key": key, "Region": self._region}
        return {"Bucket": self.bucket(bucket), "Key": key, "Endpoint": str(self._endpoint)}

    def client_config(self, attempts: int) -> ClientConfig:
        """Return the settings under coskit's names."""
        return ClientConfig(
            self._place(),
            self._region or "",
            None if self._anonymous else Keys(self),
            RetryPolicy(attempts=attempts),
            self._transport(),
            failover=bool(self._auto_switch_domain_on_retry),
        )

    def _via(self) -> str:
        if not self._ip:
            return ""
        return f"{self._ip}:{self._port}" if self._port else str(self._ip)

    def _place(self) -> Endpoint:
        domain = "myqcloud.com" if self._enable_old_domain else "tencentcos.cn"
        service = self._service_domain or f"service.cos.{domain}"
        if self._domain:
            named = self._service_domain or self._domain
            return Endpoint(self._scheme, self._domain, False, named, bound=True, via=self._via())
        environment = os.environ.get("COSKIT_ENDPOINT")
        if environment and not self._is_named:
            text = environment if "://" in environment else f"{self._scheme}://{environment}"
            return parse_endpoint(text)
        host = str(self._endpoint)
        if not host.endswith((".myqcloud.com", ".tencentcos.cn")):
            service = self._service_domain or host
        # An IP address has no labels, so a bucket cannot be one.
        path_style = parse_endpoint(f"{self._scheme}://{host}").path_style
        return Endpoint(self._scheme, host, path_style, service, via=self._via())

    def _transport(self) -> TransportSettings:
        limit = self._timeout
        pair = limit if isinstance(limit, tuple) else (limit, limit)
        connect, read = (_SECONDS if seconds is None else float(seconds) for seconds in pair)
        verify = self._verify_ssl
        own = self._ssl_cert if isinstance(self._ssl_cert, tuple) else (self._ssl_cert, None)
        return TransportSettings(
            connect_timeout=connect,
            read_timeout=read,
            proxy=_proxy(self._proxies or {}, self._scheme),
            ca_file=verify if isinstance(verify, str) else _trusted(verify),
            verify=verify is not False,
            connections=int(self._pool_maxsize),
            user_agent=self._ua,
            certificate=own[0],
            certificate_key=own[1],
        )


class Keys:
    """A credentials provider that reads the key pair of a configuration at each request."""

    def __init__(self, conf: CosConfig) -> None:
        self._conf = conf

    def get(self) -> Credentials:
        """Return the key pair.

        Raises:
            CredentialsError: there are no keys now.
        """
        conf, instance = self._conf, self._conf._credential_inst
        pair = conf._secret_id, conf._secret_key, conf._token
        if instance is not None:
            pair = instance.secret_id, instance.secret_key, instance.token
        if not (pair[0] and pair[1]):
            raise CredentialsError("CredentialInstance has no keys")
        return Credentials(pair[0], pair[1], pair[2] or "")


def _proxy(proxies: Mapping[str, str], scheme: str) -> str | None:
    return proxies.get(scheme) or proxies.get("all")


def _trusted(verify: bool | None) -> str | None:
    """Return the CA file that the vendor's SDK takes from the environment."""
    if verify is False:
        return None
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or None
