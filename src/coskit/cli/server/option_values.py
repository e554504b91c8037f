"""Values of options: durations, sizes, names and lists, checked and converted."""

import re
from collections.abc import Iterable

from coskit.protocol.bucket.restore import DELAYS, TIERS, Delays
from coskit.protocol.errors import InvalidBucketName
from coskit.server.handlers.buckets.buckets import check_bucket_name

_DELAY = re.compile(r"([A-Za-z]+)=(\d{1,9}(?:\.\d{1,3})?)([smh])", re.ASCII)
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)([smhd])", re.ASCII)
_SIZE = re.compile(r"(\d{1,9})(B|KiB|MiB|GiB)", re.ASCII)
_SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
# The field of `Limits` for each name.
_TIMEOUTS = {
    **{name: name for name in ("head", "idle", "body")},
    "stranger": "anonymous_body",
    **{name: name for name in ("response", "queue")},
}
_AUDIENCES = ("loopback", "public", "off")
_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}  # in milliseconds
_LABEL = re.compile("[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")  # of a host name


def duration(option: str) -> int:
    """Return the milliseconds of an option such as `1h`.

    Raises:
        ValueError: it is not a number above 0 followed by `s`, `m`, `h` or `d`.
    """
    found = _DURATION.fullmatch(option)
    moment = round(float(found[1]) * _UNITS[found[2]]) if found else 0
    if not moment:
        raise ValueError(f"a duration is written like 30s, 1h or 1d, not {option!r}")
    return moment


def byte_count(option: str) -> int:
    """Return the bytes of an option such as `256MiB`.

    Raises:
        ValueError: it is not a number above 0 followed by `B`, `KiB`, `MiB` or `GiB`.
    """
    found = _SIZE.fullmatch(option)
    if not found or not int(found[1]):
        raise ValueError(f"a size is written like 64KiB, 256MiB or 1GiB, not {option!r}")
    return int(found[1]) * _SIZES[found[2]]


def timeouts(options: Iterable[str]) -> dict[str, float]:
    """Return the seconds of options such as `body=30s`, by the field of `Limits`.

    Raises:
        ValueError: an option is not the name of a timeout, `=` and a duration.
    """
    found = {}
    for option in options:
        name, _, text = option.partition("=")
        if name not in _TIMEOUTS:
            raise ValueError(f"a timeout is {', '.join(_TIMEOUTS)}, as body=30s, not {option!r}")
        found[_TIMEOUTS[name]] = duration(text) / 1000
    return found


def metrics_audience(option: str) -> str:
    """Return the option `--metrics`, checked.

    Raises:
        ValueError: it is none of `loopback`, `public` and `off`.
    """
    if option not in _AUDIENCES:
        raise ValueError(f"metrics are shown to {', '.join(_AUDIENCES)}, not {option!r}")
    return option


def restore_delays(options: Iterable[str]) -> Delays:
    """Return the default delays, changed by options such as `Standard=2s`.

    Raises:
        ValueError: an option is not a tier, `=` and a number followed by `s`, `m` or `h`.
    """
    changed: dict[str, int] = {}
    for option in options:
        found = _DELAY.fullmatch(option)
        if not found or found[1].capitalize() not in TIERS:
            raise ValueError(
                f"a restore delay is written like Standard=2s or Bulk=5h, not {option!r}"
            )
        changed[found[1].capitalize()] = round(float(found[2]) * _UNITS[found[3]])
    return {place: changed.get(place[1], delay) for place, delay in DELAYS.items()}


def scrub_rate(option: str) -> int:
    """Return the bytes a second of an option such as `20MiB`; `0` is none.

    Raises:
        ValueError: it is not a size.
    """
    return byte_count(option) if option != "0" else 0


def region(name: str) -> str:
    """Return a region, checked.

    Raises:
        ValueError: it cannot be a label of a host name.
    """
    if not _LABEL.fullmatch(name):
        raise ValueError(
            f"a region is of a-z, 0-9 and inner hyphens, such as ap-local, not {name!r}"
        )
    return name


def domains(names: Iterable[str]) -> tuple[str, ...]:
    """Return domains in lower case.

    Raises:
        ValueError: one of them is not a host name.
    """
    found = tuple(name.lower() for name in names)
    for name in found:
        if not all(map(_LABEL.fullmatch, name.split("."))):
            raise ValueError(f"a domain is a host name such as files.example, not {name!r}")
    return found


def bucket_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of buckets, checked.

    Raises:
        ValueError: one of them is not a valid name.
    """
    found = tuple(names)
    for name in found:
        try:
            check_bucket_name(name)
        except InvalidBucketName as cause:
            raise ValueError(f"{name!r}: {cause.message}") from cause
    return found
