"""The text of an exception in one line."""


def plain(cause: BaseException) -> str:
    """Return the reason of a failure in one line."""
    if isinstance(cause, OSError) and cause.strerror:
        return f"{cause.filename}: {cause.strerror}" if cause.filename else cause.strerror
    text = getattr(cause, "message", "") or str(cause) or type(cause).__name__
    return " ".join(str(text).split())
