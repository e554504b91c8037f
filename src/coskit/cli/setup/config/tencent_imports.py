"""Profiles from the files of coscli, coscmd and tccli."""

import configparser
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

from coskit.cli.setup.config.imported import ImportedProfiles, pair_of
from coskit.client.credentials.vendor_files import (
    Unusable,
    read_base,
    read_coscli,
    read_coscmd,
    read_tccli,
)
from coskit.protocol.auth.credentials import without_margin

_LIST_ITEM = re.compile(r"( *)- +(.*)")
_SCALAR = re.compile(r" *([A-Za-z_]\w*): *(.*)")
_COSCMD_TAKEN = {"secret_id", "access_id", "secret_key", "token", "region", "endpoint", "schema"}
# Settings of coscmd that are written differently on a command line of coskit.
_COSCMD_REASONS = {
    "appid": "it is the end of a bucket's name",
    "bucket": "name it in each command, as cos://bucket",
    "max_thread": "use --concurrency",
    "part_size": "use --part-size",
}


def import_coscli(file: Path) -> ImportedProfiles:
    """Return the profiles in a `~/.cos.yaml`: one for each region or endpoint of its buckets.

    Raises:
        OSError: the file cannot be read.
        Unusable: there are no keys in it.
    """
    text = file.read_text("utf-8-sig")
    base = read_base(text)
    if base.get("mode", "") == "CvmRole":
        keys = {"source": "metadata"}
    else:
        keys = pair_of(read_coscli(text))
    places: dict[str, dict[str, str]] = {}
    left_out = []
    for bucket in coscli_buckets(text):
        place = _coscli_place(bucket, base.get("protocol") or "https")
        if place:
            places.setdefault("-".join(place.values()), place)
        alias = bucket.get("alias", "")
        if alias and alias != bucket.get("name"):
            left_out.append(
                f"alias {alias} of bucket {bucket.get('name', '')}: use the bucket's name"
            )
    if not places:
        left_out.append("no bucket names a region or an endpoint: set one with coskit config")
        return ImportedProfiles({"coscli": keys}, left_out)
    if len(places) == 1:
        place = next(iter(places.values()))
        return ImportedProfiles({"coscli": {**place, **keys}}, left_out)
    named = {f"coscli-{_label(place)}": {**place, **keys} for place in places.values()}
    return ImportedProfiles(named, left_out)


def coscli_buckets(text: str) -> Iterator[dict[str, str]]:
    """Yield the entries below `buckets:` in the one shape of YAML that coscli writes."""
    entry: dict[str, str] = {}
    inside, outer = False, 0
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        indent = len(line) - len(line.lstrip(" "))
        item = _LIST_ITEM.fullmatch(line)
        if not inside:
            inside, outer = line.strip() == "buckets:", indent
            continue
        if indent < outer or (indent == outer and item is None):
            break
        if item is not None:
            if entry:
                yield entry
            entry = {}
        scalar = _SCALAR.fullmatch(item[2] if item else line)
        if scalar is not None:
            entry[scalar[1].lower()] = without_margin(scalar[2])
    if entry:
        yield entry


def _coscli_place(bucket: dict[str, str], protocol: str) -> dict[str, str]:
    """Return the region of a bucket, or the endpoint where it is not the public one."""
    region, endpoint = bucket.get("region", ""), bucket.get("endpoint", "")
    public = re.fullmatch(r"cos\.([a-z0-9-]+)\.myqcloud\.com", endpoint)
    if public is not None:
        region, endpoint = public[1], ""
    if endpoint:
        place = {"endpoint": endpoint if "://" in endpoint else f"{protocol}://{endpoint}"}
        return {"region": region, **place} if region else place
    return {"region": region} if region else {}


def _label(place: dict[str, str]) -> str:
    """Return the part of a profile's name that says where the service is."""
    return place.get("endpoint", "").partition("://")[2] or place["region"]


def import_coscmd(file: Path) -> ImportedProfiles:
    """Return the profile in a `~/.cos.conf`.

    Raises:
        OSError: the file cannot be read.
        Unusable: there are no keys in it.
        configparser.Error: it is no INI file.
    """
    text = file.read_text("utf-8-sig")
    found = read_coscmd(text)
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    left_out = [
        f"{name} = {value}: {_COSCMD_REASONS.get(name, 'not a setting of a profile')}"
        for name, value in parser["common"].items()
        if value and name not in _COSCMD_TAKEN
    ]
    place = {"region": found.region, "endpoint": found.endpoint}
    settings = {name: value for name, value in place.items() if value}
    if parser["common"].get("schema") == "http" and found.region:
        left_out.append("schema = http: https is used")
    if not settings:
        left_out.append("it names no region and no endpoint: set one with coskit config")
    return ImportedProfiles({"coscmd": settings | pair_of(found)}, left_out)


def import_tccli(file: Path) -> ImportedProfiles:
    """Return the profiles of tccli, from a folder or from one `.credential` file.

    Raises:
        OSError: a file cannot be read.
    """
    files = sorted(file.glob("*.credential")) if file.is_dir() else [file]
    if not files:
        raise FileNotFoundError(2, "there are no .credential files", str(file))
    profiles: dict[str, dict[str, str]] = {}
    left_out = []
    for each in files:
        name = "tccli" if each.stem == "default" else each.stem
        configure = each.with_suffix(".configure")
        try:
            text = configure.read_text("utf-8-sig") if configure.exists() else ""
            profiles[name] = _tccli_profile(each.read_text("utf-8-sig"), text)
        except Unusable as cause:
            left_out.append(f"{each}: {cause}")
        except ValueError:
            left_out.append(f"{each}: it is not JSON")
    return ImportedProfiles(profiles, left_out)


def _tccli_profile(credential: str, configure: str) -> dict[str, str]:
    table = json.loads(credential)
    if isinstance(table, dict) and table.get("type") == "cvm-role":
        return {"source": "metadata"}
    found = read_tccli(credential, configure)
    expires = found.credentials.expires
    if expires is not None and expires <= time.time():
        raise Unusable("its keys have expired")
    return ({"region": found.region} if found.region else {}) | pair_of(found)
