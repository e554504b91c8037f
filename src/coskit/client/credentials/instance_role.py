"""Requests for the keys of a machine's role and their responses: metadata service and STS."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from coskit.client.transport.http_request import HTTPRequest
from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.errors import CredentialsError
from coskit.protocol.messages import Response

METADATA_ENDPOINT = "http://metadata.tencentyun.com"
STS_ENDPOINT = "https://sts.tencentcloudapi.com"
_ROLES = "/latest/meta-data/cam/security-credentials/"
_ROLE_SECONDS = 7200
# What TKE sets in the environment of a pod that has a role.
_TKE = ("TKE_REGION", "TKE_PROVIDER_ID", "TKE_WEB_IDENTITY_TOKEN_FILE", "TKE_ROLE_ARN")


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """The role of a TKE pod.

    Attributes:
        region: the region of the STS request.
        provider: the identity provider's id.
        token_file: the file with the pod's own token; TKE replaces it from time to time.
        role: the role's name.
    """

    region: str
    provider: str
    token_file: str
    role: str


def web_identity(environ: Mapping[str, str]) -> WebIdentity | None:
    """Return the role of the TKE pod that the process runs in, or None."""
    values = [environ.get(name, "") for name in _TKE]
    return WebIdentity(*values) if all(values) else None


def role_names_request(endpoint: str) -> HTTPRequest:
    """Return the request for the name of the machine's role."""
    return HTTPRequest("GET", f"{endpoint.rstrip('/')}{_ROLES}")


def role_keys_request(endpoint: str, role: str) -> HTTPRequest:
    """Return the request for the keys of a role."""
    return HTTPRequest("GET", f"{endpoint.rstrip('/')}{_ROLES}{quote(role, safe='')}")


def sts_request(endpoint: str, identity: WebIdentity, token: str, now: int) -> HTTPRequest:
    """Return the unsigned call that exchanges a pod's token for keys.

    Args:
        endpoint: the endpoint of STS.
        identity: the pod's role.
        token: the content of the token file.
        now: the Unix second.
    """
    body = {
        "ProviderId": identity.provider,
        "WebIdentityToken": token.strip(),
        "RoleArn": identity.role,
        "RoleSessionName": f"coskit-{now}",
        "DurationSeconds": _ROLE_SECONDS,
    }
    headers = {
        "Authorization": "SKIP",
        "Content-Type": "application/json; charset=utf-8",
        "X-TC-Action": "AssumeRoleWithWebIdentity",
        "X-TC-Region": identity.region,
        "X-TC-Timestamp": str(now),
        "X-TC-Version": "2018-08-13",
    }
    data = json.dumps(body).encode()
    url = f"{endpoint.rstrip('/')}/"
    return HTTPRequest("POST", url, tuple(headers.items()), data, len(data))


def read_role_name(response: Response) -> str:
    """Return the name of the machine's role.

    Raises:
        CredentialsError: the machine has no role.
    """
    lines = response.body.decode("utf-8", "replace").split()
    if response.status != 200 or not lines:
        raise CredentialsError(f"the machine has no role (HTTP {response.status})")
    return lines[0]


def read_role_keys(response: Response) -> Credentials:
    """Return the keys in a response of the metadata service.

    Raises:
        CredentialsError: the response has no keys.
    """
    table = _read(response, "the metadata service")
    if table.get("Code") != "Success":
        raise CredentialsError(f"the metadata service says {_word(table.get('Code'))}")
    return _keys(table, table, "the metadata service")


def read_sts_keys(response: Response) -> Credentials:
    """Return the keys in a response of STS.

    Raises:
        CredentialsError: the response has no keys, but an error, for example.
    """
    answer = _read(response, "STS").get("Response")
    table: Mapping[str, Any] = answer if isinstance(answer, dict) else {}
    error = table.get("Error")
    if isinstance(error, dict):
        raise CredentialsError(
            f"STS says {_word(error.get('Code'))} (request id {_word(table.get('RequestId'))})"
        )
    keys = table.get("Credentials")
    return _keys(keys if isinstance(keys, dict) else {}, table, "STS")


def _read(response: Response, who: str) -> Mapping[str, Any]:
    try:
        table = json.loads(response.body) if response.status == 200 else None
    except ValueError:
        table = None
    if not isinstance(table, dict):
        raise CredentialsError(f"{who} returned no keys (HTTP {response.status})")
    return table


def _keys(keys: Mapping[str, Any], term: Mapping[str, Any], who: str) -> Credentials:
    texts = [keys.get(name) for name in ("TmpSecretId", "TmpSecretKey", "Token")]
    expires = term.get("ExpiredTime")
    if not all(isinstance(text, str) and text for text in texts):
        raise CredentialsError(f"{who} returned incomplete keys")
    secret_id, secret_key, token = map(str, texts)
    if not isinstance(expires, int | float):
        raise CredentialsError(f"{who} did not return the expiry of its keys")
    return Credentials(secret_id, secret_key, token, float(expires))


def _word(value: object) -> str:
    return str(value)[:80]
