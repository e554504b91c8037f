"""Secrets as they may be shown."""


def masked(text: str) -> str:
    """Return the beginning and the end of a key's id or of a secret."""
    return f"{text[:4]}****{text[-4:]}" if len(text) > 15 else "****"
