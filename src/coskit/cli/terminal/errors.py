"""Errors in one line: what failed, the code and request id, and what to do about it."""

from types import MappingProxyType

from coskit.cli.terminal.lines import printable

_HINTS = MappingProxyType(
    {
        "NoSuchBucket": "coskit ls cos:// lists the buckets",
        "NoSuchKey": "coskit ls shows the keys that exist",
        "NoSuchResource": "coskit ls shows the buckets and keys that exist",
        "AccessDenied": "check the permissions of the key pair, or the bucket's policy",
        "InvalidAccessKeyId": "check the secret id: coskit config show says where it is set",
        "SignatureDoesNotMatch": "check the secret key: coskit config show says where it is set",
        "RequestTimeTooSkewed": "set this machine's clock",
        "ExpiredToken": "fetch new temporary keys",
        "NoSuchVersion": "coskit versions lists the versions",
        "NoSuchUpload": "coskit uploads lists the unfinished uploads",
        "BucketNotEmpty": "coskit rb --force deletes what is in a bucket first",
        "BucketAlreadyExists": "choose another name",
        "InvalidObjectState": "coskit restore makes an archived object readable",
        "RestoreNonArchiveObject": "the object can be read as it is",
    }
)


def describe(error: BaseException) -> str | None:
    """Return the text of an error for a person, or None if it is a defect of the program.

    Control characters, which a name in the text may have, are escaped.

    Args:
        error: the error that ended a command.
    """
    text = _text_of(error)
    return None if text is None else printable(text)


def _text_of(error: BaseException) -> str | None:
    from coskit.protocol.errors import (
        CosException,
        CosServiceError,
        CredentialsError,
        ParameterError,
    )

    if isinstance(error, CosServiceError):
        return _with_hint(f"{error.code}: {error}", _HINTS.get(error.code, ""))
    if isinstance(error, CredentialsError) and str(error).startswith("No credentials"):
        return "no credentials: run coskit config, set COSKIT_SECRET_ID and COSKIT_SECRET_KEY, " + (
            "or send unsigned requests with --no-sign"
        )
    if isinstance(error, ParameterError) and str(error).startswith("Give region="):
        return "no service: run coskit config, give --region or --endpoint, or set " + (
            "COSKIT_REGION or COSKIT_ENDPOINT"
        )
    if isinstance(error, CosException):
        return " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}"
    return None


def _with_hint(text: str, hint: str) -> str:
    plain = " ".join(text.split())
    return f"{plain}; {hint}" if hint else plain
