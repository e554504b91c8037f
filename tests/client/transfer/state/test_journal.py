"""Journals: only the continuation of a transfer uses its journal, even if the file has changed."""

import gc
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.client.transfer.state.journal import Journal, has_journals, journal_directory
from coskit.protocol.codec.checksums.md5_crc64 import crc64

IDENTITY = {"kind": "upload", "endpoint": "e", "bucket": "b", "key": "k", "path": "/p", "size": 1}


def leave(directory: Path, state: dict[str, Any], **changes: Any) -> Path:
    """Write a journal as an interrupted transfer does and return its file."""
    with Journal(directory, {**IDENTITY, **changes}) as journal:
        journal.save(state)
    return next(directory.glob("*.json"))


def found(directory: Path, **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a transfer finds of its own, and of its place."""
    with Journal(directory, {**IDENTITY, **changes}) as journal:
        return journal.state, journal.stale


@pytest.mark.parametrize("key", ["k", "桶/é", "a\udc80b", "x" * 850])
def test_the_same_transfer_finds_what_was_left(tmp_path: Path, key: str) -> None:
    leave(tmp_path, {"a": [1, "ü"]}, key=key)
    assert found(tmp_path, key=key) == ({"a": [1, "ü"]}, {})


def test_a_directory_is_known_to_have_journals_or_none(tmp_path: Path) -> None:
    assert not has_journals(tmp_path / "missing")
    with Journal(tmp_path, IDENTITY):
        assert not has_journals(tmp_path), "a lock without saved state is no journal"
    leave(tmp_path, {"a": 1})
    assert has_journals(tmp_path)


def test_another_size_finds_it_as_stale_and_another_place_not_at_all(tmp_path: Path) -> None:
    leave(tmp_path, {"a": 1})
    assert found(tmp_path, size=2) == ({}, {"a": 1})
    for name in ("kind", "endpoint", "bucket", "key", "path"):
        assert found(tmp_path, **{name: "another"}) == ({}, {}), name


def test_a_journal_under_a_foreign_name_is_not_touched(tmp_path: Path) -> None:
    theirs = leave(tmp_path, {"a": 1}, key="theirs")
    ours = leave(tmp_path / "other", {"a": 2})
    (tmp_path / ours.name).write_bytes(theirs.read_bytes())
    assert found(tmp_path) == ({}, {})


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7), cut=st.booleans())
def test_a_damaged_journal_is_as_good_as_none(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int, cut: bool
) -> None:
    directory = tmp_path_factory.mktemp("journals")
    path = leave(directory, {"upload_id": "1"})
    content = bytearray(path.read_bytes())
    place %= len(content)
    if cut:
        del content[place:]
    else:
        content[place] ^= 1 << bit
    path.write_bytes(content)
    state, stale = found(directory)
    assert (state, stale) in (({}, {}), ({"upload_id": "1"}, {})), "the sum's spelling may vary"


@pytest.mark.parametrize("text", ["[]", "{}", "null", '{"format": 1}', '{"format": 2}'])
def test_a_journal_of_another_format_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    path = leave(tmp_path, {"a": 1})
    path.write_bytes(b"%d\n%b" % (crc64(text.encode()), text.encode()))
    assert found(tmp_path) == ({}, {})


def test_one_transfer_at_a_time_holds_it(tmp_path: Path) -> None:
    with Journal(tmp_path, IDENTITY) as first, Journal(tmp_path, IDENTITY) as second:
        assert (first.held, second.held) == (True, False)
        second.save({"a": 2})
        second.remove()
        first.save({"a": 1})
    assert found(tmp_path) == ({"a": 1}, {})


def test_a_directory_that_cannot_be_made_costs_only_the_resumption(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with Journal(tmp_path / "file" / "below", IDENTITY) as journal:
        assert not journal.held
        journal.save({"a": 1})


def test_nothing_is_left_of_a_transfer_that_has_ended(tmp_path: Path) -> None:
    leave(tmp_path, {"a": 1})
    with Journal(tmp_path, IDENTITY) as journal:
        journal.remove()
    assert list(tmp_path.iterdir()) == []


def test_what_is_saved_after_the_end_is_not_written(tmp_path: Path) -> None:
    with Journal(tmp_path, IDENTITY) as journal:
        pass
    journal.save({"a": 1})
    assert list(tmp_path.iterdir()) == []


def test_an_unclosed_journal_is_unlocked_when_it_is_dropped(tmp_path: Path) -> None:
    journal = Journal(tmp_path, IDENTITY)
    del journal
    gc.collect()
    with Journal(tmp_path, IDENTITY) as again:
        assert again.held


def test_others_cannot_read_it(tmp_path: Path) -> None:
    path = leave(tmp_path / "journals", {"a": 1})
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    assert json.loads(path.read_bytes().partition(b"\n")[2])["state"] == {"a": 1}


def test_a_child_process_does_not_inherit_the_lock_past_exec(tmp_path: Path) -> None:
    with Journal(tmp_path, IDENTITY):
        inherited = [fd for fd in descriptors() if _is_lock(fd, tmp_path)]
        assert [os.get_inheritable(fd) for fd in inherited] == [False]


def descriptors() -> list[int]:
    """Return this process's open descriptors."""
    return [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]


def _is_lock(descriptor: int, directory: Path) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}").startswith(str(directory))  # noqa: PTH115
    except OSError:
        return False


def test_the_directory_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert journal_directory({"XDG_STATE_HOME": "/x"}) == Path("/x/coskit/transfers")
    monkeypatch.setenv("HOME", "/h")
    assert journal_directory({}) == Path("/h/.local/state/coskit/transfers")
