"""Storage classes: the tier that responses name, and the refusal to read archived objects."""

from coskit.protocol.bucket.restore import is_readable, load_job
from coskit.protocol.errors import InvalidObjectState
from coskit.server.handlers.context import Context
from coskit.server.store.model import Version


def storage_tier(storage_class: str) -> str | None:
    """Return the tier of a class that has tiers; every object here is in the frequent one."""
    return "FREQUENT" if storage_class.endswith("INTELLIGENT_TIERING") else None


def refuse_archived(ctx: Context, version: Version) -> None:
    """Refuse to read an archived object that has no restored copy.

    Raises:
        InvalidObjectState: the object has to be restored first.
    """
    if not is_readable(version.storage_class, load_job(version.restore), ctx.now):
        raise InvalidObjectState(headers={"x-cos-storage-class": version.storage_class})
