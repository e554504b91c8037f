"""The settings of a bucket at a glance."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from coskit.cli.arguments.locations import CosLocation
from coskit.cli.buckets.settings import SETTINGS, BucketSetting, UnsupportedSetting
from coskit.cli.objects.selection.concurrent_calls import run_each
from coskit.cli.objects.state.access_list import access_list
from coskit.cli.terminal.failures import FailureList
from coskit.cli.terminal.lines import quoted

if TYPE_CHECKING:
    from coskit import Client

# Settings that are shown even if the bucket does not have them.
_ALWAYS = ("versioning", "acl", "encryption", "tags", "cors", "lifecycle", "policy")
_COUNTED = {"cors": "CORSRule", "lifecycle": "Rule", "policy": "Statement", "replication": "Rule"}


def read_overview(client: "Client", place: CosLocation, failures: FailureList) -> dict[str, Any]:
    """Return the name, the region and the documents of a bucket, with None for what is not set.

    Args:
        client: the client.
        place: the bucket.
        failures: gets the settings that could not be read.

    Raises:
        CosServiceError: there is no such bucket, or it must not be read.
    """
    # A HEAD would not say which of bucket and permission is missing.
    region = client.get_bucket_location(place.bucket)["LocationConstraint"]
    found: dict[str, Any] = {"bucket": place.bucket, "region": region or ""}

    def read(setting: BucketSetting) -> Any:
        return setting.read(client, place.bucket)

    for done in run_each(SETTINGS.values(), read):
        name, document = done.item.name, done.result
        if isinstance(done.error, UnsupportedSetting):
            continue
        if done.error is not None:
            failures.add(f"{place} {name}", done.error)
            continue
        found[name] = json.loads(document) if isinstance(document, str) else document
    return found


def print_overview(found: Mapping[str, Any]) -> None:
    """Print one line for each setting."""
    for name, document in found.items():
        if document is not None or name in _ALWAYS:
            print(f"{name:12}  {_summary(name, document)}")


def _summary(name: str, document: Any) -> str:
    if document is None:
        return "Never enabled" if name == "versioning" else "-"
    if isinstance(document, str):
        return document
    if name == "versioning":
        return str(document.get("Status"))
    if name == "acl":
        return _access(document)
    if name == "tags":
        tags = (document.get("TagSet") or {}).get("Tag", ())
        return "  ".join(quoted(f"{tag['Key']}={tag['Value'] or ''}") for tag in tags)
    if name == "encryption":
        return _algorithms(document)
    if name in _COUNTED:
        items = document.get(_COUNTED[name]) or ()
        count = len(items) if isinstance(items, list) else 1
        noun = "statement" if name == "policy" else "rule"
        return f"{count} {noun}{'' if count == 1 else 's'}"
    return "set"


def _access(document: Mapping[str, Any]) -> str:
    access = access_list(document)
    if access.canned != "custom":
        return access.canned
    return "  ".join(f"{who}={what}" for who, what in access.grants)


def _algorithms(document: Mapping[str, Any]) -> str:
    rules = document.get("Rule") or ()
    found = [
        str(part.get("SSEAlgorithm"))
        for rule in rules
        for part in rule.values()
        if isinstance(part, Mapping)
    ]
    return ", ".join(found)
