"""Checks of the service: its clock, the keys, the permission to list buckets, a bucket."""

import secrets
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from coskit.cli.arguments.locations import CosLocation, argument_key
from coskit.cli.setup.doctor.check_result import CheckFailure, CheckResult, checked, skipped
from coskit.client.transport.http_request import HTTPRequest
from coskit.protocol.codec.dates import parse_http_date
from coskit.protocol.errors import CosException, CosServiceError

if TYPE_CHECKING:
    from coskit import Client
    from coskit.client.config import ClientConfig

_Result = TypeVar("_Result")
# A signature is valid from a minute before it was made.
_AHEAD_SECONDS = 60
_BEHIND_SECONDS = 300
_BODY = b"coskit doctor writes this object, reads it and deletes it.\n"
# Codes that say that a signature was not accepted, with what to do.
_KEY_ADVICE = {
    "InvalidAccessKeyId": "the secret id is wrong or disabled: coskit config",
    "SignatureDoesNotMatch": "the secret key does not belong to the secret id: coskit config",
    "ExpiredToken": "the temporary keys have expired: fetch new ones",
    "InvalidToken": "the token does not belong to the key pair: fetch new keys",
    "InvalidSecurityToken": "the token does not belong to the key pair: fetch new keys",
    "RequestTimeTooSkewed": "set this machine's clock",
    "RequestExpired": "set this machine's clock",
    "AuthorizationHeaderMalformed": "check the region and the dialect",
}


def check_clock(config: "ClientConfig", url: str) -> str:
    """Return how far this machine's clock is from the server's.

    Args:
        config: the settings of the client.
        url: a URL of the endpoint.

    Raises:
        CheckFailure: there is no response, or the clocks differ too much for signatures.
    """
    from coskit.client._sync.transport import Transport

    transport = Transport(config.transport)
    try:
        before = time.time()
        response = transport.send(HTTPRequest("GET", url))
        middle = (before + time.time()) / 2
    except CosException as error:
        raise CheckFailure(f"no HTTP response: {error}", "check the endpoint") from None
    finally:
        transport.close()
    date = next((text for name, text in response.headers.items() if name.lower() == "date"), "")
    moment = parse_http_date(date) if date else None
    if moment is None:
        return "the server sends no Date"
    return _compared(middle - (moment / 1000 + 0.5))  # Date has whole seconds


def _compared(ahead: float) -> str:
    """Return the difference of the clocks, if signatures are valid all the same."""
    words = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the server"
    if -_BEHIND_SECONDS < ahead < _AHEAD_SECONDS:
        return "the same as the server's" if abs(ahead) < 2 else words
    raise CheckFailure(
        f"this machine is {words}", "set its clock, as with timedatectl set-ntp true"
    )


def check_signature(client: "Client", bucket: str) -> str:
    """Return that the service accepts the signature of a request.

    Raises:
        CheckFailure: it does not, or there is no response.
    """
    try:
        client.list_objects(bucket, MaxKeys=1) if bucket else client.list_buckets()
    except CosServiceError as error:
        if error.code in _KEY_ADVICE:
            raise CheckFailure(f"{error.code}: {error}", _KEY_ADVICE[error.code]) from None
        if error.status >= 500:
            raise CheckFailure(f"{error.code}: {error}", "try again later") from None
    except CosException as error:
        raise CheckFailure(str(error), "check the settings") from None
    return "the signature is accepted"


def check_list_buckets(client: "Client", bucket: str) -> str:
    """Return how many buckets the keys may list; they need not if a bucket is named.

    Raises:
        CheckFailure: the keys may not list buckets.
    """
    try:
        listed = client.list_buckets().get("Buckets") or {}
        count = len(listed.get("Bucket", ()))
    except CosServiceError as error:
        if bucket:
            return f"{error.code}, which cos://{bucket} does not need"
        what = "allow cos:GetService, or name a bucket: coskit doctor cos://BUCKET"
        raise CheckFailure(f"{error.code}: {error}", what) from None
    except CosException as error:
        raise CheckFailure(str(error)) from None
    return f"{count} bucket{'' if count == 1 else 's'}"


def bucket_checks(client: "Client", location: CosLocation) -> Iterator[CheckResult]:
    """Yield the results of listing a bucket and of writing, reading and deleting an object in it.

    The object gets a new name in the folder of the location and is deleted in any case.
    """
    bucket = location.bucket
    folder = location.key if location.is_folder else f"{location.key}/"
    key = f"{folder}coskit-doctor-{secrets.token_hex(8)}"
    listed = checked("list", lambda: _listed(client, bucket, folder))
    yield listed
    if listed.detail.startswith("NoSuchBucket"):
        yield from (skipped(name, "there is no bucket") for name in ("write", "read", "delete"))
        return
    written: list[str] = []
    result = checked("write", lambda: _write(client, bucket, key, written))
    if result.status != "ok":
        yield result
        yield from (skipped(name, "nothing was written") for name in ("read", "delete"))
        return
    deleted: CheckResult | None = None
    try:
        yield result
        yield checked("read", lambda: _read(client, bucket, key))
    finally:
        deleted = checked("delete", lambda: _delete(client, bucket, key, written[0]))
    yield deleted


def _listed(client: "Client", bucket: str, folder: str) -> str:
    _allowed(
        "cos:GetBucket",
        lambda: client.list_objects(bucket, Prefix=argument_key(folder), MaxKeys=1),
    )
    return f"cos://{bucket}/{folder}"


def _write(client: "Client", bucket: str, key: str, written: list[str]) -> str:
    done = _allowed("cos:PutObject", lambda: client.put_object(bucket, _BODY, argument_key(key)))
    written.append(str(done.get("x-cos-version-id") or done.get("x-amz-version-id") or ""))
    return f"cos://{bucket}/{key}"


def _read(client: "Client", bucket: str, key: str) -> str:
    body = _allowed(
        "cos:GetObject", lambda: client.get_object(bucket, argument_key(key))["Body"].read()
    )
    if body != _BODY:
        raise CheckFailure(f"cos://{bucket}/{key} has other content", "check for a proxy's cache")
    return f"{len(body)} bytes"


def _delete(client: "Client", bucket: str, key: str, version: str) -> str:
    """Delete the object, in a bucket with versions its version, so that nothing stays."""
    if version:
        try:
            client.delete_object(bucket, argument_key(key), VersionId=version)
        except CosServiceError as error:
            _allowed("cos:DeleteObject", lambda: client.delete_object(bucket, argument_key(key)))
            raise CheckFailure(
                f"{error.code}: version {version} of cos://{bucket}/{key} stays",
                "allow cos:DeleteObject for versions, and delete it",
            ) from None
        return f"version {version}"
    try:
        done = _allowed("cos:DeleteObject", lambda: client.delete_object(bucket, argument_key(key)))
        if str(done.get("x-cos-delete-marker") or done.get("x-amz-delete-marker")) == "true":
            # Versioning is suspended: a marker has replaced the object.
            marker = str(done.get("x-cos-version-id") or done.get("x-amz-version-id") or "null")
            client.delete_object(bucket, argument_key(key), VersionId=marker)
    except CheckFailure as failure:
        raise CheckFailure(
            f"{failure.detail}; cos://{bucket}/{key} stays", failure.advice
        ) from None
    except CosServiceError as error:
        raise CheckFailure(f"{error.code}: a delete marker of cos://{bucket}/{key} stays") from None
    return "nothing is left"


def _allowed(action: str, call: Callable[[], _Result]) -> _Result:
    """Return the result of a call; its failure says which permission it needs."""
    try:
        return call()
    except CosServiceError as error:
        advice = {
            "AccessDenied": f"allow {action} for the key pair",
            "NoSuchBucket": "check the name and the region: coskit ls lists the buckets",
        }
        raise CheckFailure(f"{error.code}: {error}", advice.get(error.code, "")) from None
    except CosException as error:
        raise CheckFailure(str(error)) from None
