"""The vendor's `CosVectorsClient`: its own calls are refused."""

from coskit.compat.cos_client import CosS3Client
from coskit.compat.implementation.unsupported_methods import UnsupportedCosVectorsClientMethods

__all__ = ["CosVectorsClient"]


class CosVectorsClient(UnsupportedCosVectorsClientMethods, CosS3Client):
    """A `CosS3Client`; the calls that only this class has raise `CosClientError`."""
