"""Test ids that are equal in every process that collects the tests."""


def stable_id(value: object) -> str:
    """Return a test id for a value: sets sorted, functions by name, anything else as text."""
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(repr, value)))}}}"
    if callable(value):
        return str(getattr(value, "__name__", type(value).__name__))
    return str(value)[:80]
