"""Requests for a range of the plaintext, whose offset in the stored object is not yet known."""

from collections.abc import Mapping
from typing import Any

from coskit.client._async.client import AsyncClient
from coskit.client._async.operations import GetObjectResult
from coskit.encryption.format.frames import Layout
from coskit.encryption.keyring import Keyring
from coskit.protocol.errors import InvalidRange, ObjectChanged, PreconditionFailed

# The parameters that name an object.
_WHICH_OBJECT = frozenset(
    ("Bucket", "Key", "VersionId", "SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5")
)


async def get_plain_range(
    client: AsyncClient,
    keyring: Keyring,
    likely: Layout,
    text: str,
    place: Mapping[str, str],
    options: Mapping[str, Any],
) -> GetObjectResult:
    """Return a response with the stored bytes of a range of the plaintext.

    The likely layout is tried first, so that a range usually takes one request: the seal in the
    response shows whether the layout was right.

    Args:
        client: the client that sends the requests.
        keyring: the master keys.
        likely: the likely layout of the object.
        text: the Range of the plaintext.
        place: the bucket and the key.
        options: the options of `get_object`.

    Raises:
        CosServiceError: the service refused a request.
        SealBroken: the object is not sealed.
        ObjectChanged: the object was replaced between two requests.
    """
    asked: dict[str, Any] = {**place, **options}
    try:
        response = await client.get_object(**asked, Range=likely.sealed_range(text))
    except InvalidRange:
        which = {name: value for name, value in asked.items() if name in _WHICH_OBJECT}
        actual = keyring.seal_of(await client.head_object(**which)).layout
        if actual == likely:
            raise
        return await client.get_object(**asked, Range=actual.sealed_range(text))
    try:
        actual = keyring.seal_of(response).layout
    except BaseException:
        await response["Body"].aclose()
        raise
    if actual == likely:
        return response
    await response["Body"].aclose()
    asked["IfMatch"] = response["ETag"]
    try:
        return await client.get_object(**asked, Range=actual.sealed_range(text))
    except PreconditionFailed as refusal:
        raise ObjectChanged("The object was replaced while it was opened") from refusal
