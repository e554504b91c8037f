"""The vendor's `MetaInsightClient`: its own calls are refused."""

from coskit.compat.cos_client import CosS3Client
from coskit.compat.inner.unsupported import MetaInsightClientRefusals

__all__ = ["MetaInsightClient"]


class MetaInsightClient(MetaInsightClientRefusals, CosS3Client):
    """A `CosS3Client`; the calls that only this class has raise `CosClientError`."""
