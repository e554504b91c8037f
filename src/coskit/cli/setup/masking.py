"""Secrets as they may be shown."""


def masked(name: str, value: str) -> str:
    """Return the value of a setting: of a key's id the ends, of a secret the last characters.

    Args:
        name: the name of the setting, as in a profile.
        value: its value.
    """
    if name == "secret_id":
        return masked_id(value)
    if name in ("secret_key", "token"):
        return f"****{value[-4:]}" if len(value) > 15 else "****"
    return value


def masked_id(secret_id: str) -> str:
    """Return the beginning and the end of a key's id."""
    return f"{secret_id[:4]}****{secret_id[-4:]}" if len(secret_id) > 15 else "****"
