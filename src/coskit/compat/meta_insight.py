"""The vendor's `MetaInsightClient`: its own calls are refused."""

from coskit.compat.cos_client import CosS3Client
from coskit.compat.implementation.unsupported_methods import UnsupportedMetaInsightClientMethods

__all__ = ["MetaInsightClient"]


class MetaInsightClient(UnsupportedMetaInsightClientMethods, CosS3Client):
    """A `CosS3Client`; the calls that only this class has raise `CosClientError`."""
