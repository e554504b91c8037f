"""The vendor's `CosVectorsClient`: its own calls are refused."""

from coskit.compat.cos_client import CosS3Client
from coskit.compat.inner.unsupported import CosVectorsClientRefusals

__all__ = ["CosVectorsClient"]


class CosVectorsClient(CosVectorsClientRefusals, CosS3Client):
    """A `CosS3Client`; the calls that only this class has raise `CosClientError`."""
