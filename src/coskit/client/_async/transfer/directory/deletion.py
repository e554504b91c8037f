"""Deletions of many objects: in batches, with each object's failure counted."""

from collections.abc import Sequence
from typing import NamedTuple

from coskit.client._async.paginators import AsyncPaginators
from coskit.client.directory.locations import BucketPlace
from coskit.client.directory.result_counter import ResultCounter
from coskit.protocol import types
from coskit.protocol.codec.xml.document import carries
from coskit.protocol.errors import BY_CODE, CosException, CosServiceError

BATCH = 1000  # the largest number of objects that one request deletes


class DoomedObject(NamedTuple):
    """An object that is deleted.

    Attributes:
        name: the key below the folder.
        version: the version that is deleted; without one, the latest becomes an old version where
            versions are kept.
    """

    name: str
    version: str = ""


class AsyncDeletion:
    """Deletes objects of one folder.

    Args:
        operations: the client's operations.
        place: the folder.
        counter: counts the results.
    """

    def __init__(
        self, operations: AsyncPaginators, place: BucketPlace, counter: ResultCounter
    ) -> None:
        self._operations = operations
        self._place = place
        self._counter = counter

    async def delete(self, batch: Sequence[DoomedObject]) -> None:
        """Delete up to a thousand objects.

        Raises:
            CosException: an object cannot be deleted, and the first failure ends the deletion.
        """
        left: dict[tuple[str, str], DoomedObject] = {}
        for doomed in batch:
            key = self._place.prefix + doomed.name
            if carries(key):
                left[key, doomed.version] = doomed
            else:
                await self._delete_alone(doomed)
        if not left:
            return
        objects = [self._identifier(doomed) for doomed in left.values()]
        try:
            response = await self._operations.delete_objects(
                self._place.bucket, {"Object": objects}
            )
        except CosException as failure:
            for doomed in left.values():
                self._counter.fail(doomed.name, failure)
        else:
            self._count(response, left)

    def _identifier(self, doomed: DoomedObject) -> types.ObjectIdentifier:
        key = self._place.key(doomed.name)
        return {"Key": key, "VersionId": doomed.version} if doomed.version else {"Key": key}

    async def _delete_alone(self, doomed: DoomedObject) -> None:
        """Delete an object whose key XML cannot carry."""
        key = self._place.key(doomed.name)
        try:
            await self._operations.delete_object(
                self._place.bucket, key, VersionId=doomed.version or None
            )
        except CosException as error:
            self._counter.fail(doomed.name, error)
        else:
            self._counter.deleted(*doomed)

    def _count(
        self, response: types.DeleteObjectsResult, left: dict[tuple[str, str], DoomedObject]
    ) -> None:
        for deleted in response.get("Deleted", ()):
            found = left.pop((str(deleted.get("Key")), str(deleted.get("VersionId") or "")), None)
            if found is not None:
                self._counter.deleted(*found)
        failures = list[tuple[str, CosServiceError]]()
        for error in response.get("Error", ()):
            key, code = str(error.get("Key")), str(error.get("Code") or "Unknown")
            kind = BY_CODE.get(code, CosServiceError)
            refusal = kind(str(error.get("Message") or ""), code=code, resource=key)
            found = left.pop((key, str(error.get("VersionId") or "")), None)
            failures.append((key if found is None else found.name, refusal))
        for doomed in left.values():
            unknown = CosServiceError("The response does not mention it", code="Unknown")
            failures.append((doomed.name, unknown))
        for name, failure in failures:
            self._counter.fail(name, failure)
