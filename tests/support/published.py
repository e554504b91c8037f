"""Query parameters of both vendors' APIs, read from their published clients."""

import gzip
import json
import re
from importlib.util import find_spec
from pathlib import Path

_NAME = re.compile(r"'([A-Za-z][\w-]*)'\s*:")
_ASSIGNED = re.compile(r"params\[['\"]([\w-]+)['\"]\]")
_IN_ADDRESS = re.compile(r"['\"]\?([A-Za-z][\w-]*)")


def _package(name: str) -> Path:
    found = find_spec(name)
    origin = found.origin if found else None
    assert origin is not None, f"{name} is not installed"
    return Path(origin).parent


def s3_parameters() -> frozenset[str]:
    """Return the names in S3's model in botocore, including sub-resources."""
    folder = _package("botocore") / "data" / "s3" / "2006-03-01"
    file = next(folder.glob("service-2.json*"))
    model = json.loads(
        gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_text()
    )
    names: set[str] = set()
    for operation in model["operations"].values():
        flags = operation["http"]["requestUri"].partition("?")[2]
        names |= {flag.partition("=")[0] for flag in flags.split("&") if flag}
        members = (
            model["shapes"].get(operation.get("input", {}).get("shape"), {}).get("members", {})
        )
        names |= {m["locationName"] for m in members.values() if m.get("location") == "querystring"}
    return frozenset(names)


def cos_parameters() -> frozenset[str]:
    """Return the names that the source of cos-python-sdk-v5 uses in queries."""
    source = (_package("qcloud_cos") / "cos_client.py").read_text()
    names = set(_ASSIGNED.findall(source)) | set(_IN_ADDRESS.findall(source))
    for braces in re.findall(r"params\s*=\s*\{([^}]*)\}", source):
        names |= set(_NAME.findall(braces))
    return frozenset(names)


# Documented by the vendor, without a call in its Python client.
OTHER_COS_PARAMETERS = frozenset(
    """accelerate asyncfetch bucketInventory ci-bucket imageInfo imageMogr2 imageView2 legal-hold
    metadata notification rename retention snapshot uploadStatus watermark""".split()
)
