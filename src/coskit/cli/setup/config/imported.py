"""Profiles that were found in the files of another tool, and the rest that was left out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coskit.client.credentials.vendor_files import Foreign


@dataclass(frozen=True, slots=True)
class ImportedProfiles:
    """The profiles that another tool's files hold.

    Attributes:
        profiles: the settings of each profile, by name.
        left_out: what was not taken, each with the reason.
    """

    profiles: Mapping[str, Mapping[str, str]]
    left_out: list[str] = field(default_factory=list)


def pair_of(found: Foreign) -> dict[str, str]:
    """Return the key pair in a file as settings of a profile."""
    keys = found.credentials
    settings = {"secret_id": keys.secret_id, "secret_key": keys.secret_key, "token": keys.token}
    return {name: value for name, value in settings.items() if value}
