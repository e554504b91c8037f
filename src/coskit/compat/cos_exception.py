"""The vendor's names of the exceptions, which are coskit's own."""

from coskit.protocol.errors import CosClientError, CosException, CosServiceError

__all__ = ["CosClientError", "CosException", "CosServiceError"]
