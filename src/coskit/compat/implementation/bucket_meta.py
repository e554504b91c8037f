"""The properties and settings of a bucket in one dict."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from coskit.protocol.errors import CosServiceError

_SETTINGS = {
    "Encryption": "get_bucket_encryption",
    "ACL": "get_bucket_acl",
    "Website": "get_bucket_website",
    "Logging": "get_bucket_logging",
    "CORS": "get_bucket_cors",
    "Versioning": "get_bucket_versioning",
    "IntelligentTiering": "list_bucket_intelligenttiering_configurations",
    "Lifecycle": "get_bucket_lifecycle",
    "Tagging": "get_bucket_tagging",
    "ObjectLock": "get_bucket_object_lock",
    "Replication": "get_bucket_replication",
}
_UNSET_STATUSES = (404, 501)


def bucket_meta(client: Any, bucket: str, url: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties and settings; settings that are not set or not supported are None.

    Args:
        client: the client with the vendor's methods.
        bucket: the bucket's name.
        url: the bucket's URL.
        options: the options of every call.

    Raises:
        CosServiceError: the bucket does not exist, or a setting may not be read.
    """
    head = client.head_bucket(bucket, **options)

    def setting(method: str) -> Any:
        try:
            return getattr(client, method)(bucket, **options)
        except CosServiceError as error:
            if error.status in _UNSET_STATUSES:
                return None
            raise

    with ThreadPoolExecutor(len(_SETTINGS)) as pool:
        found = dict(zip(_SETTINGS, pool.map(setting, _SETTINGS.values()), strict=True))
    return {
        "BucketUrl": url.rstrip("/"),
        "Location": head.get("x-cos-bucket-region"),
        "OFS": head.get("x-cos-bucket-arch") == "OFS",
        "MAZ": head.get("x-cos-bucket-az-type") == "MAZ",
        **found,
    }
