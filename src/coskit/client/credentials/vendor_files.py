"""The key files of the vendor's command-line tools, which are only read.

A file that is broken, empty or cannot be decrypted is treated as absent.
"""

import binascii
import configparser
import json
import logging
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from coskit.protocol.auth.credentials import Credentials, without_margin

_log = logging.getLogger("coskit")

# What coscli encrypts its file with, for every user alike; Go pads it with zeros to 16 bytes.
_COSCLI_KEY = b"coscli-secret\0\0\0"
_YAML_LINE = re.compile(r"( *)([A-Za-z_]\w*):(?: +(.*))?")
# The short region names that coscmd still takes.
_OLD_REGIONS = {
    "tj": "ap-beijing-1",
    "bj": "ap-beijing",
    "gz": "ap-guangzhou",
    "sh": "ap-shanghai",
    "cd": "ap-chengdu",
    "spg": "ap-singapore",
    "hk": "ap-hongkong",
    "ca": "na-toronto",
    "ger": "eu-frankfurt",
    "cn-south": "ap-guangzhou",
    "cn-north": "ap-beijing-1",
}


class Unusable(ValueError):
    """A file holds no keys that can be used, and why; its contents are not quoted."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """The settings in another tool's file.

    Attributes:
        credentials: the keys.
        region: "" if it names none.
        endpoint: "" if it names none.
        file: the path of the file, "" for text that was parsed on its own.
    """

    credentials: Credentials
    region: str = ""
    endpoint: str = ""
    file: str = ""


def find_foreign(home: Path, profile: str, now: float) -> Foreign | None:
    """Return what the first file with usable keys says: coscli's, coscmd's, then tccli's.

    Args:
        home: the directory in which those tools keep their files.
        profile: a name is looked for in tccli's files alone, since the others have no profiles;
            "" reads all.
        now: Unix seconds; keys that have expired are passed over.
    """
    name = profile or "default"
    tccli = home / ".tccli" / f"{name}.credential"
    readers: list[tuple[Path, Callable[[str], Foreign]]] = [
        (tccli, lambda text: read_tccli(text, _text_of(tccli.with_suffix(".configure"))))
    ]
    if not profile:
        readers[:0] = [(home / ".cos.yaml", read_coscli), (home / ".cos.conf", read_coscmd)]
    for path, read in readers if Path(name).name == name else ():
        try:
            found = read(path.read_text("utf-8-sig"))
            if found.credentials.expires is not None and found.credentials.expires <= now:
                raise Unusable("its keys have expired")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except Exception as cause:  # whatever a parser makes of what is not ours
            # Its own words may quote the line it stumbled over.
            why = cause if isinstance(cause, Unusable) else type(cause).__name__
            _log.debug("No credentials from %s: %s", path, why)
            continue
        return replace(found, file=str(path))
    return None


def read_coscli(text: str) -> Foreign:
    """Return what a `~/.cos.yaml` says, decrypted if it is encrypted.

    Raises:
        Unusable: there are no keys in it, or no means to decrypt them.
    """
    base = read_base(text)
    if base.get("mode", "") == "CvmRole":
        raise Unusable("it asks for the role of the machine")
    reveal = str if base.get("disableencryption") == "true" else _decrypted
    pair = [reveal(base.get(name, "")) for name in ("secretid", "secretkey", "sessiontoken")]
    return Foreign(_keys(*pair))


def read_base(text: str) -> dict[str, str]:
    """Return the scalars of `cos: base:`, read from the one shape of YAML that coscli writes.

    Raises:
        Unusable: they are written in another way, such as over several lines.
    """
    found: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith(("#", "---")):
            continue
        matched = _YAML_LINE.fullmatch(line.rstrip())
        indent = len(line) - len(line.lstrip(" "))
        while path and path[-1][0] >= indent:
            path.pop()
        inside = [name for _, name in path] == ["cos", "base"]
        if matched is None:
            if inside:
                raise Unusable("it is not of the shape that coscli writes")
            continue
        name = matched[2].lower()
        if matched[3]:
            if inside:
                found[name] = _scalar(matched[3])
        else:
            path.append((indent, name))
    return found


def _scalar(text: str) -> str:
    if text[0] in "\"'":
        value = text[1:-1]
        if len(text) < 2 or text[-1] != text[0] or text[0] in value or "\\" in value:
            raise Unusable("a value has quotes that coscli does not write")
        return value
    if text[0] in "|>&*!{[%@`":
        raise Unusable("a value is written in a way that coscli does not use")
    value = text.partition(" #")[0].strip()
    return "" if value in ("null", "~") else value


def _decrypted(text: str) -> str:
    # As coscli does: what does not look encrypted is taken as it is.
    try:
        data = b64decode(text, validate=True)
    except binascii.Error:
        return text
    if not data or len(data) % 16:
        return text
    try:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    except ImportError:
        raise Unusable("it is encrypted and the package cryptography is not installed") from None
    way = Cipher(algorithms.AES(_COSCLI_KEY), modes.ECB())  # noqa: S305 - coscli's choice
    decryptor = way.decryptor()
    plain = (decryptor.update(data) + decryptor.finalize()).rstrip(b"\0")
    try:
        return plain.decode("ascii")
    except UnicodeDecodeError:
        raise Unusable("it is encrypted with another key than coscli's") from None


def read_coscmd(text: str) -> Foreign:
    """Return what a `~/.cos.conf` says.

    Raises:
        Unusable: there are no keys in it.
        configparser.Error: it is no INI file.
    """
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    if not parser.has_section("common"):
        raise Unusable("it has no section [common]")
    common = parser["common"]
    if common.get("anonymous", "").lower() == "true":
        raise Unusable("it asks for unsigned requests")
    secret_id = common.get("secret_id", "") or common.get("access_id", "")
    keys = _keys(secret_id, common.get("secret_key", ""), common.get("token", ""))
    endpoint = common.get("endpoint", "")
    if endpoint:
        return Foreign(keys, endpoint=f"{common.get('schema') or 'https'}://{endpoint}")
    region = common.get("region", "").removeprefix("cos.")
    return Foreign(keys, _OLD_REGIONS.get(region, region))


def read_tccli(credential: str, configure: str = "") -> Foreign:
    """Return what a `<profile>.credential` says, and the region from `<profile>.configure`.

    Raises:
        Unusable: there are no keys in it.
        ValueError: it is not JSON.
    """
    table = _object(json.loads(credential))
    if table.get("type") == "cvm-role" or table.get("role-arn"):
        raise Unusable("it asks for a role")
    expires = table.get("expiresAt")
    keys = _keys(
        *(_word(table, name) for name in ("secretId", "secretKey", "token")),
        expires=float(expires) if isinstance(expires, int | float) else None,
    )
    return Foreign(keys, _region_of(configure))


def _region_of(configure: str) -> str:
    try:
        table = _object(json.loads(configure))
    except ValueError:
        return ""
    system = table.get("_sys_param")
    return _word(system if isinstance(system, dict) else table, "region")


def _word(table: Mapping[str, Any], name: str) -> str:
    value = table.get(name)
    return value if isinstance(value, str) else ""


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Unusable("it is no JSON object")
    return value


def _keys(
    secret_id: str, secret_key: str, token: str, *, expires: float | None = None
) -> Credentials:
    pair = without_margin(secret_id), without_margin(secret_key)
    if not all(pair):
        raise Unusable("it lacks a key pair")
    return Credentials(*pair, without_margin(token), expires)


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, ValueError):
        return ""
