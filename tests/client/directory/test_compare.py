"""The files that need a transfer, and the order in which files are walked, without a server."""

import hashlib
import os
import pickle
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.client.directory.compare import (
    FileEntry,
    Verdict,
    check_apart,
    file_time,
    is_settled,
    judge,
)
from coskit.client.directory.file_content import FileChecksums
from coskit.client.directory.filters import Filter
from coskit.client.directory.local_files import files
from coskit.client.directory.locations import BucketPlace
from coskit.client.directory.result import (
    DirectoryResult,
    DirectoryTransferError,
    FileAction,
    FileCallbacks,
    FileFailure,
)
from coskit.client.directory.result_counter import DirectoryProgress, ResultCounter
from coskit.client.directory.spooled_names import SpooledNames
from coskit.client.settings.progress import Consumed
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import ParameterError

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND
SAME, DIFFERENT, UNSURE = Verdict.SAME, Verdict.DIFFERENT, Verdict.UNSURE


def file(size: int = 5, modified: int = NOW) -> FileEntry:
    return FileEntry("a", size, modified)


def stored(size: int = 5, modified: int = NOW, etag: str = "e1") -> FileEntry:
    return FileEntry("a", size, modified, etag)


@pytest.mark.parametrize("comparison", ["size-mtime", "size", "checksum"])
def test_another_size_is_always_another_content(comparison: str) -> None:
    for pair in ((file(5), stored(6)), (stored(5), file(6)), (stored(5), stored(6))):
        assert judge(comparison, *pair) is DIFFERENT


@pytest.mark.parametrize(
    ("written", "verdict"),
    [
        (NOW - 60 * SECOND, SAME),
        (NOW, UNSURE),
        (NOW + SECOND, UNSURE),
        (NOW + 3 * SECOND, DIFFERENT),
    ],
)
def test_an_upload_is_needed_if_the_file_was_written_after_the_object(
    written: int, verdict: Verdict
) -> None:
    assert judge("size-mtime", file(modified=written), stored(modified=NOW)) is verdict


@pytest.mark.parametrize(
    ("written", "verdict"),
    [(NOW, SAME), (NOW + 1_000_000, UNSURE), (NOW - 1, DIFFERENT), (NOW + SECOND, DIFFERENT)],
)
def test_a_download_is_needed_unless_the_file_has_the_objects_date(
    written: int, verdict: Verdict
) -> None:
    assert judge("size-mtime", stored(modified=NOW), file(modified=written)) is verdict


def test_a_copy_is_not_needed_if_the_etags_are_the_same() -> None:
    assert judge("size-mtime", stored(), stored(modified=0)) is SAME
    assert judge("size-mtime", stored(), stored(etag="other-2")) is UNSURE


def test_by_size_nothing_else_counts_and_by_checksum_dates_do_not() -> None:
    later = stored(modified=NOW + 60 * SECOND)
    assert judge("size", file(), later) is SAME
    assert judge("checksum", file(), later) is UNSURE


def test_a_file_gets_the_date_of_its_object_and_a_mark_while_the_object_is_young() -> None:
    assert file_time(5_000, 60_000) == 5 * SECOND
    assert file_time(5_000, 6_000) == 5 * SECOND + 1_000_000
    assert file_time(5_000, None) == 5 * SECOND + 1_000_000


def test_the_mark_goes_once_no_clock_can_still_give_the_same_date() -> None:
    assert not is_settled(NOW, NOW / SECOND + 15 * 60)
    assert is_settled(NOW, NOW / SECOND + 15 * 60 + 3)


def test_overlapping_folders_are_refused() -> None:
    with pytest.raises(ParameterError, match="overlap"):
        check_apart(BucketPlace("b", "p/"), BucketPlace("b", "p/q/"))
    check_apart(BucketPlace("b", "p/"), BucketPlace("c", "p/"))


def walk(root: Path, **options: bool) -> list[str]:
    return [entry.name for entry in files(root, Filter(), **options)]


def grow(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def test_files_come_in_the_order_of_a_listing(tmp_path: Path) -> None:
    names = ["a-b", "a.txt", "a/b", "a/c/d", "a0", ".hidden", "b", "\ud7ff", "\ue000", "😀", "a!/x"]
    grow(tmp_path, *names)
    assert walk(tmp_path) == sorted(names, key=str.encode)


@given(st.sets(st.text("ab-./0", min_size=1, max_size=7), max_size=15))
def test_any_tree_is_walked_in_byte_order(
    tmp_path_factory: pytest.TempPathFactory, wanted: set[str]
) -> None:
    root, made = tmp_path_factory.mktemp("tree"), set()
    for name in sorted(wanted):
        if any(part in ("", ".", "..") for part in name.split("/")):
            continue
        try:
            grow(root, name)
        except OSError:  # a file is where a directory would be
            continue
        made.add(name)
    walked = walk(root)
    assert walked == sorted(made, key=str.encode)
    assert all(left < right for left, right in pairwise(walked))


def test_links_are_followed_or_passed_over(tmp_path: Path) -> None:
    grow(tmp_path / "tree", "a", "d/b")
    grow(tmp_path / "other", "c")
    (tmp_path / "tree/link").symlink_to(tmp_path / "other")
    (tmp_path / "tree/file").symlink_to(tmp_path / "other/c")
    assert walk(tmp_path / "tree") == ["a", "d/b", "file", "link/c"]
    assert walk(tmp_path / "tree", follow=False) == ["a", "d/b"]


def test_a_loop_of_links_and_a_dead_link_are_failures(tmp_path: Path) -> None:
    grow(tmp_path, "a", "d/b")
    (tmp_path / "d/up").symlink_to(tmp_path)
    (tmp_path / "dead").symlink_to("nowhere")
    found = list(files(tmp_path, Filter()))
    assert [entry.name for entry in found] == ["a", "d/b", "d/up/", "dead"]
    assert [entry.name for entry in found if isinstance(entry, FileFailure)] == ["d/up/", "dead"]
    assert "leads back" in str(found[2])


def test_a_link_to_itself_is_a_failure_and_hides_no_other_file(tmp_path: Path) -> None:
    grow(tmp_path, "a", "c")
    (tmp_path / "b").symlink_to("b")
    found = list(files(tmp_path, Filter()))
    assert [entry.name for entry in found] == ["a", "b", "c"]
    assert [entry.name for entry in found if isinstance(entry, FileFailure)] == ["b"]


def test_sums_of_a_file_are_those_of_its_content(tmp_path: Path) -> None:
    content = bytes(range(256)) * 80_000
    (tmp_path / "a").write_bytes(content)
    with FileChecksums(tmp_path / "a") as sums:
        while sums.more():
            pass
    assert (sums.md5, sums.crc64) == (hashlib.md5(content).hexdigest(), str(crc64(content)))
    assert not sums.more()


def test_what_cannot_be_uploaded_is_a_failure_at_the_source_only(tmp_path: Path) -> None:
    grow(tmp_path, "a")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / os.fsdecode(b"\xff")).write_text("x")
    (tmp_path / ".a.0123456789abcdef.part").write_text("half")
    found = list(files(tmp_path, Filter()))
    assert [type(entry) for entry in found] == [FileEntry, FileFailure, FileFailure]
    assert "not a regular file" in str(found[1])
    assert "not UTF-8" in str(found[2])
    assert walk(tmp_path, source=False) == ["a"]


def test_an_excluded_folder_is_not_even_read(tmp_path: Path) -> None:
    grow(tmp_path, "a", "locked/b")
    (tmp_path / "locked/loop").symlink_to(tmp_path)
    found = list(files(tmp_path, Filter(exclude=["locked/"])))
    assert [entry.name for entry in found] == ["a"]


def test_a_spool_keeps_any_number_of_any_names_in_order() -> None:
    names = [f"line\nbreak {n} \ud7ff \x00" for n in range(50_000)]
    with SpooledNames() as spool:
        tracemalloc.start()
        for name in names:
            spool.add(name)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        batches = list(spool.batches(1000))
    assert [len(batch) for batch in batches] == [1000] * 50
    assert [name for batch in batches for name in batch] == names
    assert peak < 8 << 20


def test_a_tally_counts_and_lists_the_first_hundred_failures() -> None:
    reported: list[FileAction] = []
    tally = ResultCounter(FileCallbacks(action=reported.append))
    tally.transferred(FileAction("upload", "a", 5))
    tally.deleted("b")
    tally.unchanged()
    errors = [OSError(str(n)) for n in range(150)]
    for error in errors:
        tally.fail("c", error)
    result = tally.result()
    assert (result.transferred, result.transferred_bytes, result.deleted) == (1, 5, 1)
    assert (result.unchanged, result.failed, len(result.failures)) == (1, 150, 100)
    assert reported == [FileAction("upload", "a", 5), FileAction("delete", "b", 0)]
    assert tally.knows(errors[0])
    assert not tally.knows(OSError("0"))
    text = str(DirectoryTransferError(result))
    assert text == "'c': OSError: 0 and 149 more"


def test_the_error_of_a_directory_survives_pickling() -> None:
    error = DirectoryTransferError(
        DirectoryResult(failed=1, failures=(FileFailure("a", OSError("x")),))
    )
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) == "'a': OSError: x"
    assert again.result.failed == 1


def test_the_progress_of_many_files_grows_and_knows_what_was_resumed() -> None:
    reported: list[tuple[int, int | None, int]] = []
    progress = DirectoryProgress(lambda done, known: reported.append((done, known, done.resumed)))
    first = progress.file(10)
    assert first is not None
    first(Consumed(4), 10)
    second = progress.file(20)
    assert second is not None
    second(Consumed(15, 12), 20)
    first(Consumed(10), 10)
    second(Consumed(20, 12), 20)
    assert reported[0] == (4, 10, 0)
    assert reported[-1] == (30, 30, 12)
    assert [done for done, _, _ in reported] == sorted({done for done, _, _ in reported})
    assert DirectoryProgress(None).file(5) is None
