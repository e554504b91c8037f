"""Asking for a range of plaintext whose place in the stored object is not known beforehand."""

from collections.abc import Mapping
from typing import Any

from coskit.client._async.client import AsyncClient
from coskit.client._async.operations import GetObjectResult
from coskit.encryption.format.frames import Layout
from coskit.encryption.keyring import Keyring
from coskit.protocol.errors import InvalidRange, ObjectChanged, PreconditionFailed

# What of a call tells which object is meant, rather than what is wanted of it.
_WHICH_OBJECT = frozenset(
    ("Bucket", "Key", "VersionId", "SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5")
)


async def ranged(
    client: AsyncClient,
    keyring: Keyring,
    likely: Layout,
    text: str,
    place: Mapping[str, str],
    options: Mapping[str, Any],
) -> GetObjectResult:
    """Return an answer that holds the stored bytes of a range of the plaintext.

    The likely layout is tried first, so that a range mostly costs one request: the seal comes with
    the answer and tells whether it was right.

    Args:
        client: makes the requests.
        keyring: tells how the object is sealed.
        likely: where the bytes probably are.
        text: the Range, of the plaintext.
        place: bucket and key.
        options: for `get_object`.

    Raises:
        CosServiceError: the service refused a request.
        SealBroken: the object is not sealed.
        ObjectChanged: it was replaced between two requests.
    """
    asked: dict[str, Any] = {**place, **options}
    try:
        answer = await client.get_object(**asked, Range=likely.sealed_range(text))
    except InvalidRange:
        which = {name: value for name, value in asked.items() if name in _WHICH_OBJECT}
        actual = keyring.seal_of(await client.head_object(**which)).layout
        if actual == likely:
            raise
        return await client.get_object(**asked, Range=actual.sealed_range(text))
    try:
        actual = keyring.seal_of(answer).layout
    except BaseException:
        await answer["Body"].aclose()
        raise
    if actual == likely:
        return answer
    await answer["Body"].aclose()
    asked["IfMatch"] = answer["ETag"]
    try:
        return await client.get_object(**asked, Range=actual.sealed_range(text))
    except PreconditionFailed as refusal:
        raise ObjectChanged("The object was replaced while it was opened") from refusal
