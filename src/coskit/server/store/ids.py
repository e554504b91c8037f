"""The ids of versions, uploads and blobs."""

import secrets

_MAX_ORDER = (1 << 64) - 1


def version_id(order: int) -> str:
    """Return the id of the version with this order; ascending ids are newest first."""
    return f"{_MAX_ORDER - order:016x}"


def version_order(version_id: str) -> int | None:
    """Return the order that an id made by `version_id` stands for, None for any other text."""
    if len(version_id) != 16 or set(version_id) - set("0123456789abcdef"):
        return None
    order = _MAX_ORDER - int(version_id, 16)
    return order if order < 1 << 63 else None


def new_upload_id(now: float, order: int) -> str:
    """Return an id that starts with the Unix second `now`: ascending ids are oldest first.

    A unique `order` decides between the ids of one second.
    """
    return f"{int(now):08x}{order:016x}{secrets.token_hex(8)}"


def new_file_id(fan: int) -> str:
    """Return a random id of a blob that is a file; its first byte is `fan`."""
    return f"{fan:02x}{secrets.token_hex(15)}"


def inline_id(order: int) -> str:
    """Return the id of a blob in the index; ids ascend, so that new rows are adjacent."""
    return f"{order:016x}"
