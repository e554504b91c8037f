"""The vendor's `IntelligentSpeechClient`: its own calls are refused."""

from coskit.compat.cos_client import CosS3Client
from coskit.compat.implementation.unsupported_methods import (
    UnsupportedIntelligentSpeechClientMethods,
)

__all__ = ["IntelligentSpeechClient"]


class IntelligentSpeechClient(UnsupportedIntelligentSpeechClientMethods, CosS3Client):
    """A `CosS3Client`; the calls that only this class has raise `CosClientError`."""
