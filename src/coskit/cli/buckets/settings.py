"""The settings of a bucket that `coskit bucket` reads and changes: a table of documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from coskit.cli.objects.state.tag import parse_tags
from coskit.protocol.errors import CosServiceError, NoSuchBucket, ParameterError
from coskit.protocol.model import Operation, Shape
from coskit.protocol.operations import BUCKET_ACLS, BY_NAME, VERSIONING_STATES

if TYPE_CHECKING:
    from coskit import Client

_UNSUPPORTED = ("NotImplemented", "MethodNotAllowed")
_ALGORITHMS = ("AES256", "SM4", "KMS")


class UnsupportedSetting(Exception):
    """The service has no such setting."""


@dataclass(frozen=True, slots=True)
class BucketSetting:
    """One setting: its name in commands, and the operations that read and write it.

    Attributes:
        name: the word in commands.
        noun: the end of the operations' names, as `Cors` of `GetBucketCors`.
        words: the values that may stand in a command instead of a file.
    """

    name: str
    noun: str
    words: tuple[str, ...] = ()

    @property
    def shape(self) -> Shape | None:
        """The shape of the document; None for a policy, which is JSON in the service too."""
        return self._row("Get").result

    @property
    def is_removable(self) -> bool:
        """True if the setting can be removed."""
        return f"DeleteBucket{self.noun}" in BY_NAME

    def read(self, client: "Client", bucket: str) -> Any:
        """Return the document of a bucket, or None if it has none.

        Raises:
            UnsupportedSetting: the service has no such setting.
            CosServiceError: the service refused the request.
        """
        try:
            found = getattr(client, self._row("Get").function)(bucket)
        except NoSuchBucket:
            raise
        except CosServiceError as error:
            if error.code in _UNSUPPORTED:
                raise UnsupportedSetting(f"the service has no {self.name} setting") from error
            if error.status == 404:
                return None
            raise
        except ParameterError as error:  # the dialect has no such operation
            raise UnsupportedSetting(str(error)) from error
        if self.shape is None:
            return found["Policy"] or None
        tags = {child.tag for child in self.shape.children}
        return {name: value for name, value in found.items() if name in tags} or None

    def write(self, client: "Client", bucket: str, document: Any) -> None:
        """Replace the document of a bucket."""
        row = self._row("Put")
        put = getattr(client, row.function)
        if self.noun == "Versioning":
            put(bucket, document.get("Status"))
        else:
            param = next(param for param in row.params if param.place in ("xml", "json"))
            put(bucket, **{param.name: document})

    def remove(self, client: "Client", bucket: str) -> None:
        """Delete the document of a bucket."""
        getattr(client, self._row("Delete").function)(bucket)

    def of_words(self, words: Sequence[str]) -> Mapping[str, Any] | None:
        """Return the document that words of a command mean, or None if they name a file.

        Raises:
            typer.BadParameter: the words mean nothing here.
        """
        first = words[0]
        spelled = {word.lower(): word for word in self.words}.get(first.lower())
        if self.noun == "Tagging" and all("=" in word for word in words):
            tags = [{"Key": name, "Value": value} for name, value in parse_tags(words).items()]
            return {"TagSet": {"Tag": tags}}
        if self.noun == "Encryption" and spelled and len(words) <= (2 if spelled == "KMS" else 1):
            key = {"KMSMasterKeyID": words[1]} if len(words) > 1 else {}
            rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": spelled, **key}}
            return {"Rule": [rule]}
        if len(words) > 1:
            raise typer.BadParameter(f"{self.name} takes one value: {self.values()}")
        if self.noun == "Versioning" and spelled:
            return {"Status": spelled}
        if self.noun == "Acl" and spelled:
            return {"ACL": spelled}
        if self.words and first != "-" and not Path(first).exists():
            raise typer.BadParameter(f"{self.name} is {self.values()}, not {first!r}")
        return None

    def values(self) -> str:
        """Return the values of the setting in a command, for people."""
        return ", ".join(
            (*self.words, "a file" if self.words else "a file with JSON or XML", "or -")
        )

    def _row(self, verb: str) -> Operation:
        return BY_NAME[f"{verb}Bucket{self.noun}"]


SETTINGS = {
    setting.name: setting
    for setting in (
        BucketSetting("versioning", "Versioning", VERSIONING_STATES),
        BucketSetting("acl", "Acl", BUCKET_ACLS),
        BucketSetting("encryption", "Encryption", _ALGORITHMS),
        BucketSetting("tags", "Tagging", ("NAME=VALUE...",)),
        BucketSetting("cors", "Cors"),
        BucketSetting("lifecycle", "Lifecycle"),
        BucketSetting("policy", "Policy"),
        BucketSetting("website", "Website"),
        BucketSetting("logging", "Logging"),
        BucketSetting("referer", "Referer"),
        BucketSetting("replication", "Replication"),
        BucketSetting("origin", "Origin"),
        BucketSetting("domain", "Domain"),
        BucketSetting("tiering", "Intelligenttiering"),
        BucketSetting("object-lock", "ObjectLock"),
    )
}


def setting_of(name: str) -> BucketSetting:
    """Return a setting by its name.

    Raises:
        typer.BadParameter: there is no such setting.
    """
    if name in SETTINGS:
        return SETTINGS[name]
    from difflib import get_close_matches

    close = get_close_matches(name, SETTINGS, n=1)
    hint = f"did you mean {close[0]}?" if close else f"name one of {', '.join(SETTINGS)}"
    raise typer.BadParameter(f"there is no setting {name!r}; {hint}")
