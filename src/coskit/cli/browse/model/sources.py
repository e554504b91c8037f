"""Pages of entries: of a directory, of a folder in a bucket, of the buckets."""

import os
import stat
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coskit.cli.arguments.locations import CosLocation
from coskit.cli.browse.model.entries import PaneEntry
from coskit.cli.browse.model.listing import PageSource
from coskit.cli.browse.model.places import Place
from coskit.cli.objects.listing import PAGE, ListedEntry, object_page
from coskit.cli.terminal.lines import local_time

if TYPE_CHECKING:
    from coskit import Client


def source_of(client: "Client", place: Place, beginning: str) -> PageSource:
    """Return the source of a place's entries.

    Args:
        client: the client.
        place: the place.
        beginning: the text that the names begin with.
    """
    if isinstance(place, Path):
        return DirectorySource(place, beginning)
    return (FolderSource if place.bucket else BucketSource)(client, place, beginning)


class DirectorySource:
    """The files and directories of a directory, in the order of their bytes as keys are.

    The names are read at the first page; sizes and dates at the page that shows them.

    Args:
        path: the directory.
        beginning: the text that the names begin with.
    """

    def __init__(self, path: Path, beginning: str) -> None:
        self._path = path
        self._beginning = beginning
        self._names: list[str] = []

    def page(self, mark: Any) -> tuple[list[PaneEntry], Any]:
        """Return the entries after a mark, and the mark of the next page or None."""
        start = mark or 0
        if not start or not self._names:
            with os.scandir(self._path) as found:
                names = [each.name for each in found if each.name.startswith(self._beginning)]
            self._names = sorted(names, key=os.fsencode)
        end = start + PAGE
        entries = [self._entry(name) for name in self._names[start:end]]
        return entries, end if end < len(self._names) else None

    def _entry(self, name: str) -> PaneEntry:
        path = self._path / name
        try:
            facts = path.stat()
        except OSError:  # a broken link, or a file that has just gone
            return PaneEntry("file", name)
        kind = "folder" if stat.S_ISDIR(facts.st_mode) else "file"
        size = facts.st_size if kind == "file" else 0
        moment = datetime.fromtimestamp(facts.st_mtime).isoformat(" ", "seconds")
        return PaneEntry(kind, name, size, moment)


class FolderSource:
    """The objects and folders of a folder in a bucket.

    Args:
        client: the client.
        place: the folder.
        beginning: the text that the names begin with.
    """

    def __init__(self, client: "Client", place: CosLocation, beginning: str) -> None:
        self._client = client
        self._place = place
        self._beginning = beginning

    def page(self, mark: Any) -> tuple[list[PaneEntry], Any]:
        """Return the entries after a mark, and the mark of the next page or None."""
        place = self._place
        prefix = place.key + self._beginning
        listed, after = object_page(self._client, place.bucket, prefix, "/", mark)
        # The object that stands for the folder itself is no entry of it.
        return [self._entry(each) for each in listed if each.key != place.key], after

    def _entry(self, listed: ListedEntry) -> PaneEntry:
        name = listed.key[len(self._place.key) :]
        if listed.kind == "folder":
            return PaneEntry("folder", name.removesuffix("/"))
        return PaneEntry(
            "file", name, listed.size, local_time(listed.modified), listed.storage_class
        )


class BucketSource:
    """The buckets of the account, in one page.

    Args:
        client: the client.
        place: the list of buckets.
        beginning: the text that the names begin with.
    """

    def __init__(self, client: "Client", place: CosLocation, beginning: str) -> None:
        self._client = client
        self._beginning = beginning

    def page(self, mark: Any) -> tuple[list[PaneEntry], Any]:
        """Return the buckets; the mark of the next page is None."""
        found = [
            PaneEntry(
                "bucket", str(each["Name"]), modified=local_time(str(each.get("CreationDate", "")))
            )
            for each in self._client.iter_buckets()
        ]
        return [each for each in found if each.name.startswith(self._beginning)], None
