"""Profiles from the files of the AWS CLI."""

import configparser
import os
import re
from collections.abc import Mapping
from pathlib import Path

from coskit.cli.setup.config.imported import ImportedProfiles
from coskit.client.credentials.vendor_files import Unusable

# How a profile gets its keys if it has none of its own.
_OTHER_WAYS = ("role_arn", "sso_session", "sso_start_url", "credential_process", "source_profile")
_COS_HOST = re.compile(r"https?://cos\.([a-z0-9-]+)\.(?:myqcloud\.com|tencentcos\.cn)/?")


def import_aws(file: Path) -> ImportedProfiles:
    """Return the profiles in the credentials file of the AWS CLI and the config file beside it.

    Raises:
        OSError: the file cannot be read.
        Unusable: it has no profiles.
        configparser.Error: it is no INI file.
    """
    keys = _sections(file.read_text("utf-8-sig"))
    config = Path(os.environ.get("AWS_CONFIG_FILE") or file.with_name("config"))
    further = _sections(config.read_text("utf-8-sig")) if config.is_file() else {}
    services = {name: table for name, table in further.items() if name.startswith("services ")}
    plain = {
        name.removeprefix("profile ").strip(): table
        for name, table in further.items()
        if name == "default" or name.startswith("profile ")
    }
    profiles: dict[str, dict[str, str]] = {}
    left_out: list[str] = []
    for name in dict.fromkeys((*keys, *plain)):
        table = {**plain.get(name, {}), **keys.get(name, {})}
        reason = _unusable(table)
        if reason:
            left_out.append(f"profile {name}: {reason}")
        else:
            service = services.get(f"services {table.get('services', '')}", {})
            profiles["aws" if name == "default" else name] = _profile(table, service)
    if not profiles and not left_out:
        raise Unusable("it has no profiles")
    return ImportedProfiles(profiles, left_out)


def _sections(text: str) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def _unusable(table: Mapping[str, str]) -> str:
    """Return why a profile has no keys that can be taken, "" if it has."""
    if table.get("aws_access_key_id") and table.get("aws_secret_access_key"):
        return ""
    way = next((name for name in _OTHER_WAYS if table.get(name)), None)
    return f"its keys come from {way}" if way else "it lacks a key pair"


def _profile(table: Mapping[str, str], service: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of a profile; an endpoint of COS keeps the dialect of COS."""
    pair = {
        "secret_id": table["aws_access_key_id"],
        "secret_key": table["aws_secret_access_key"],
        "token": table.get("aws_session_token", ""),
    }
    keys = {name: value for name, value in pair.items() if value}
    endpoint = _endpoint(table, service)
    cos = _COS_HOST.fullmatch(endpoint)
    if cos is not None:
        return {"region": cos[1], **keys}
    region = table.get("region") or "us-east-1"
    if not endpoint:
        suffix = ".cn" if region.startswith("cn-") else ""
        endpoint = f"https://s3.{region}.amazonaws.com{suffix}"
    return {"region": region, "endpoint": endpoint, "dialect": "s3", **keys}


def _endpoint(table: Mapping[str, str], service: Mapping[str, str]) -> str:
    """Return the endpoint for S3: of the profile's services, else of the profile."""
    found = re.search(r"^\s*endpoint_url\s*=\s*(\S+)", service.get("s3", ""), re.MULTILINE)
    older = re.search(r"^\s*endpoint_url\s*=\s*(\S+)", table.get("s3", ""), re.MULTILINE)
    matched = found or older
    return matched[1] if matched else table.get("endpoint_url", "")
