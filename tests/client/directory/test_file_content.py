"""The content of local files: a small one read at once, a moved one removed if it is unchanged."""

import os
from pathlib import Path

import pytest

from coskit.client.directory.file_content import read_small, remove_uploaded
from coskit.client.transfer.upload_source import FileSource
from coskit.protocol.errors import SourceChanged


def test_a_small_file_is_read_at_once(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"content")
    assert read_small(str(tmp_path / "f"), 7) == b"content"


@pytest.mark.parametrize("kind", ["longer", "empty", "directory", "pipe", "kernel"])
def test_other_files_are_left_to_the_transfer_of_any_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "f"
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "kernel":
        path = Path("/proc/self/status")
    else:
        path.write_bytes(b"content!" if kind == "longer" else b"")
    assert read_small(str(path), 7) is None


def test_a_file_that_changes_while_it_is_read_is_left_to_the_transfer_of_any_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, read = tmp_path / "f", os.read
    path.write_bytes(b"content")

    def write_after_reading(file: int, size: int) -> bytes:
        content = read(file, size)
        path.write_bytes(b"another")
        os.utime(path, (1, 1))
        return content

    monkeypatch.setattr(os, "read", write_after_reading)
    assert read_small(str(path), 7) is None


def test_an_unchanged_file_is_removed(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"1")
    remove_uploaded(tmp_path / "f", FileSource(tmp_path / "f"))
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_removed_and_not_the_file_that_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"1")
    (tmp_path / "link").symlink_to("f")
    remove_uploaded(tmp_path / "link", FileSource(tmp_path / "link"))
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize("content", [b"2", b"longer"])
def test_a_file_that_was_written_again_stays(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"1")
    source = FileSource(path)
    path.write_bytes(content)
    os.utime(path, (1, 1))
    with pytest.raises(SourceChanged):
        remove_uploaded(path, source)
    assert path.read_bytes() == content


class LateChange(FileSource):
    """A file that another one replaces right after its check."""

    def check(self) -> None:
        """Check the file, then replace it."""
        super().check()
        new = self._path.with_name("new")
        new.write_bytes(b"new")
        new.replace(self._path)


def test_a_file_that_was_replaced_after_the_check_stays(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"1")
    with pytest.raises(SourceChanged, match="was not deleted"):
        remove_uploaded(path, LateChange(path))
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [("f", b"new")]
