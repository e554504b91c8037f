"""The choice of a client's dialect."""

from coskit.client.config import ClientConfig
from coskit.client.request.dialects.cos_dialect import CosClientDialect
from coskit.client.request.dialects.dialect import ClientDialect

_COS: ClientDialect = CosClientDialect()


def dialect_of(config: ClientConfig) -> ClientDialect:
    """Return the dialect of a client's configuration."""
    if config.dialect == "cos":
        return _COS
    from coskit.client.request.dialects.s3_dialect import S3ClientDialect  # rarely needed

    return S3ClientDialect(config.region)
