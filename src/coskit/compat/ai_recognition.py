"""The vendor's `AIRecognitionClient`: its own calls are refused."""

from coskit.compat.cos_client import CosS3Client
from coskit.compat.implementation.unsupported_methods import UnsupportedAIRecognitionClientMethods

__all__ = ["AIRecognitionClient"]


class AIRecognitionClient(UnsupportedAIRecognitionClientMethods, CosS3Client):
    """A `CosS3Client`; the calls that only this class has raise `CosClientError`."""
