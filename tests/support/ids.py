"""Names of parametrised values that are the same in every process that collects the tests."""


def stable(value: object) -> str:
    """Return a test's id for a value: sets in order, functions by name, all else as `str` does."""
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(repr, value)))}}}"
    if callable(value):
        return str(getattr(value, "__name__", type(value).__name__))
    return str(value)[:80]
