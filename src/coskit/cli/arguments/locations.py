"""Locations in the words of the command line: `cos://bucket/key` and patterns."""

import re
from dataclasses import dataclass

import typer

from coskit.client.directory.filters import glob_expression

_SCHEMES = ("cos://", "s3://")
_PATTERN = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class CosLocation:
    """A place in the service; without a bucket it is the list of buckets.

    Attributes:
        bucket: the bucket's name, or "".
        key: the key or the beginning of keys, exactly as written; "" for the whole bucket.
        scheme: `cos://` or `s3://`.
    """

    bucket: str
    key: str = ""
    scheme: str = "cos://"

    def __str__(self) -> str:
        return f"{self.scheme}{self.bucket}{f'/{self.key}' if self.key else ''}"

    @property
    def is_folder(self) -> bool:
        """True if the location is a whole bucket or its key ends with a slash."""
        return self.key == "" or self.key.endswith("/")

    @property
    def is_pattern(self) -> bool:
        """True if the key has a glob character."""
        return _PATTERN.search(self.key) is not None

    @property
    def literal_prefix(self) -> str:
        """The key up to its first glob character: every match starts with it."""
        found = _PATTERN.search(self.key)
        return self.key[: found.start()] if found else self.key

    def with_key(self, key: str) -> "CosLocation":
        """Return the location of another key in the same bucket."""
        return CosLocation(self.bucket, key, self.scheme)


def is_cos(text: str) -> bool:
    """Return whether an argument is a location in the service rather than a path."""
    return text.startswith(_SCHEMES)


def parse_location(text: str, dialect: str | None = None) -> CosLocation:
    """Return the location that an argument names.

    Args:
        text: `cos://`, `cos://bucket` or `cos://bucket/key`; the key is not decoded.
        dialect: the option `--dialect`; `s3://` needs `s3`.

    Raises:
        typer.BadParameter: the argument is not a location in the service.
    """
    scheme = next((scheme for scheme in _SCHEMES if text.startswith(scheme)), None)
    if scheme is None:
        raise typer.BadParameter(f"{text!r} is not a location such as cos://bucket/key")
    if scheme == "s3://" and dialect != "s3":
        raise typer.BadParameter("s3:// needs --dialect s3")
    bucket, _, key = text.removeprefix(scheme).partition("/")
    if key and not bucket:
        raise typer.BadParameter(f"{text!r} names no bucket")
    return CosLocation(bucket, key, scheme)


def parse_prefix(text: str, dialect: str | None = None) -> CosLocation:
    """Return the location of a bucket or of something in it.

    Raises:
        typer.BadParameter: the argument names no bucket.
    """
    location = parse_location(text, dialect)
    if not location.bucket:
        raise typer.BadParameter(f"{text!r} names no bucket; coskit ls cos:// lists them")
    return location


def parse_object(text: str, dialect: str | None = None) -> CosLocation:
    """Return the location of one object.

    Raises:
        typer.BadParameter: the argument names no bucket or no key.
    """
    location = parse_location(text, dialect)
    if not location.bucket or not location.key:
        raise typer.BadParameter(f"{text!r} is not an object: name a bucket and a key")
    return location


def parse_bucket(text: str, dialect: str | None = None) -> CosLocation:
    """Return the location of one bucket, named with or without a scheme.

    Raises:
        typer.BadParameter: the argument names no bucket, or a key as well.
    """
    location = parse_location(text if is_cos(text) else f"cos://{text}", dialect)
    if not location.bucket or location.key:
        raise typer.BadParameter(f"{text!r} is not a bucket, such as cos://photos-1250000000")
    return location


def argument_key(key: str) -> str:
    """Return a key as the client's methods take it: they drop one leading slash."""
    return f"/{key}" if key.startswith("/") else key


def glob_regex(pattern: str) -> re.Pattern[str]:
    """Return the compiled pattern of a whole key, with the globs of `Include`.

    Raises:
        typer.BadParameter: the pattern is malformed.
    """
    try:
        return re.compile(glob_expression(pattern), re.DOTALL)
    except re.error as error:
        raise typer.BadParameter(f"{pattern!r} is a malformed pattern: {error}") from None
