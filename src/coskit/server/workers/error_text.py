"""An error as a person wants to read it."""


def plain(cause: BaseException) -> str:
    """Return why something failed, in a line."""
    if isinstance(cause, OSError) and cause.strerror:
        return f"{cause.filename}: {cause.strerror}" if cause.filename else cause.strerror
    text = getattr(cause, "message", "") or str(cause) or type(cause).__name__
    return " ".join(str(text).split())
