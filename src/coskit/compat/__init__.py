"""The names of `cos-python-sdk-v5`, so that code for it runs after changing its import line.

    from coskit.compat import CosConfig, CosS3Client, CosServiceError, CosClientError

The modules of the vendor's package exist too, such as `coskit.compat.cos_exception`. The
intended differences are in docs/compatibility.md: success is checked, errors keep their cause.
"""

from coskit.compat.ai_recognition import AIRecognitionClient
from coskit.compat.cos_auth import CosS3Auth
from coskit.compat.cos_client import CosConfig, CosS3Client
from coskit.compat.cos_comm import get_date
from coskit.compat.cos_exception import CosClientError, CosException, CosServiceError
from coskit.compat.cos_vectors_client import CosVectorsClient
from coskit.compat.meta_insight import MetaInsightClient
from coskit.compat.streambody import StreamBody

__all__ = [
    "AIRecognitionClient",
    "CosClientError",
    "CosConfig",
    "CosException",
    "CosS3Auth",
    "CosS3Client",
    "CosServiceError",
    "CosVectorsClient",
    "MetaInsightClient",
    "StreamBody",
    "get_date",
]
