"""Completion of verbs, options, values, buckets and keys, as the scripts of the shells get it."""

import os
import time
from pathlib import Path

import pytest

from coskit import Client
from coskit.cli.command_table import ENTRIES
from coskit.cli.commands import load
from coskit.cli.setup.completion.candidate import Completion
from coskit.cli.setup.completion.listing_cache import ListedNames, ListingCache
from coskit.cli.setup.completion.protocol import complete_for_shell
from coskit.cli.setup.completion.words import complete_words
from tests.cli.conftest import Coskit

KEYS = ("a.txt", "docs/one.txt", "docs/two words.txt", "docs/x:y@z.txt", "中文/一.txt")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the service time, since the end of the second ends the process."""
    monkeypatch.setattr("coskit.cli.setup.completion.remote_names._SECONDS", 60.0)


@pytest.fixture
def filled(coskit: Coskit, client: Client, bucket: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket with keys, for a user with a home of his own."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for key in KEYS:
        client.put_object(bucket, b"", key)
    return bucket


def values(*words: str) -> list[str]:
    """Return the words that complete the last one."""
    return [each.value for each in complete_words(words[:-1], words[-1]).candidates]


WORDS: list[tuple[tuple[str, ...], list[str]]] = [
    (("comp",), ["completion"]),
    (("--reg",), ["--region"]),
    (("--region=ap-bei",), ["--region=ap-beijing", "--region=ap-beijing-fsi"]),
    (("--region", "ap-tok"), ["ap-tokyo"]),
    (("--region", "ap-tokyo", "doc"), ["doctor"]),
    (("-vv", "--dialect=s3", "doc"), ["doctor"]),
    (("ls", "--rec"), ["--recursive"]),
    (("ls", "--recursive", "--rec"), []),
    (("ls", "-r", "--rec"), []),
    (("ls", "--dialect", ""), ["cos", "s3"]),
    (("ls", "--dialect=c"), ["--dialect=cos"]),
    (("ls", "c"), ["cos://"]),
    (("ls", "--dialect", "s3", ""), ["s3://"]),
    (("ls", "--", "--rec"), []),
    (("ls", "cos://x", ""), []),
    (("completion", "z"), ["zsh"]),
    (("config", "s"), ["set", "show"]),
    (("config", "--secret-i"), ["--secret-id"]),
    (("config", "import", "cos"), ["coscli", "coscmd"]),
    (("config", "use", "w"), ["work"]),
    (("--profile", "two"), ["two words"]),
    (("ls", "--profile=wo"), ["--profile=work"]),
    (("admin", "acc"), ["account"]),
    (("admin", "account", "ad"), ["add"]),
    (("cp", "--acl", "public-read-"), ["public-read-write"]),
    (("cp", "--storage-class=DEEP"), ["--storage-class=DEEP_ARCHIVE"]),
    (("cp", "--include", "a", "--inc"), ["--include"]),
    (("sync", "--delete", "--hel"), ["--help"]),
    (("bucket", "get", "cos://b", "lifec"), ["lifecycle"]),
    (("acl", "set", "cos://b/k", "priv"), ["private"]),
    (("presign", "c"), ["cos://"]),
    (("rb", "c"), ["cos://"]),
    (("nothing", "x"), []),
]


@pytest.mark.parametrize(("words", "found"), WORDS)
def test_words_are_completed(
    coskit: Coskit, tmp_path: Path, words: tuple[str, ...], found: list[str]
) -> None:
    (tmp_path / "config.toml").write_text('[work]\nregion = "r"\n["two words"]\n')
    assert values(*words) == found


@pytest.mark.parametrize(
    "words",
    [
        ("config", "import", "aws", ""),
        ("serve", ""),
        ("admin", "fsck", ""),
        ("cp", ""),
        ("cp", "-r", "./d"),
        ("cp", "--files-from", ""),
        ("bucket", "set", "cos://b", "cors", ""),
    ],
)
def test_names_of_files_are_left_to_the_shell(words: tuple[str, ...]) -> None:
    assert complete_words(words[:-1], words[-1]) == Completion(files=True)


@pytest.mark.parametrize("verb", ENTRIES)
def test_every_verb_completes_its_options(verb: str) -> None:
    below = getattr(load(ENTRIES[verb]), "commands", {})
    for words in [[verb, name] for name in below] or [[verb]]:
        found = values(*words, "--")
        assert "--help" in found or values(*words, ""), f"{words} completes nothing"
        assert len(found) == len({*found})


def test_the_help_of_a_verb_goes_with_it() -> None:
    [found] = complete_words([], "doct").candidates
    assert found.help.startswith("Check settings, network")


PLACES = {
    "": ["cos://{b}/"],
    "/": ["a.txt", "docs/", "中文/"],
    "/d": ["docs/"],
    "/docs/": ["docs/one.txt", "docs/two words.txt", "docs/x:y@z.txt"],
    "/docs/two": ["docs/two words.txt"],
    "/中": ["中文/"],
    "/none": [],
}


@pytest.mark.parametrize("place", PLACES)
def test_buckets_and_keys_come_from_the_service(filled: str, place: str) -> None:
    wanted = PLACES[place]
    if place:
        wanted = [f"cos://{filled}/{key}" for key in wanted]
    assert values("ls", f"cos://{filled}{place}") == [each.format(b=filled) for each in wanted]


def test_no_space_follows_a_folder(filled: str) -> None:
    found = complete_words(["ls"], f"cos://{filled}/").candidates
    assert [each.is_part for each in found] == [False, True, True]


def test_a_listing_is_kept_for_seconds_in_a_file_of_its_owner(
    filled: str, client: Client, tmp_path: Path
) -> None:
    folder = f"cos://{filled}/docs/"
    before = values("ls", folder)
    client.put_object(filled, b"", "docs/new.txt")
    assert values("ls", folder) == before
    assert values("ls", f"{folder}o") == [f"{folder}one.txt"], "the folder's listing will do"
    kept = [*(tmp_path / ".cache/coskit/completion").iterdir()]
    assert [file.stat().st_mode & 0o777 for file in kept] == [0o600]
    assert kept[0].parent.stat().st_mode & 0o777 == 0o700
    os.utime(kept[0], (time.time() - 11,) * 2)
    assert f"{folder}new.txt" in values("ls", folder)


def test_another_profile_has_another_listing(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert values("ls", f"cos://{filled}/") != []
    monkeypatch.setenv("COSKIT_SECRET_KEY", "wrong")
    assert values("ls", f"cos://{filled}/") == []
    assert values("--no-sign", "ls", f"cos://{filled}/") == []


def test_old_listings_are_removed(tmp_path: Path) -> None:
    cache = ListingCache({}, {"XDG_CACHE_HOME": str(tmp_path)}, tmp_path / "none")
    cache.write(ListedNames(("old",)), "old")
    [old] = (tmp_path / "coskit" / "completion").iterdir()
    os.utime(old, (time.time() - 100,) * 2)
    cache.write(ListedNames(("new",), is_complete=False), "new")
    assert not old.exists()
    assert cache.read("new") == ListedNames(("new",), is_complete=False)
    assert cache.read("old") is None


def test_more_keys_than_a_page_insert_nothing_that_not_all_share(
    filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coskit.cli.setup.completion.remote_names._PAGE", 2)
    found = values("ls", f"cos://{filled}/docs/")
    assert found == [f"cos://{filled}/docs/{name}" for name in ("one.txt", "two words.txt", "")]


def test_an_error_completes_nothing(coskit: Coskit, capsys: pytest.CaptureFixture[str]) -> None:
    assert values("ls", "cos://missing-1250000000/") == []
    assert values("--endpoint=http://127.0.0.1:9", "ls", "cos://b/") == []
    assert values("--profile", "none", "ls", "cos://") == []
    assert capsys.readouterr() == ("", "")


RECORDS = [
    ("bash", ["coskit doc", ""], b"words\0doctor \0"),
    ("bash", ["A=1 coskit ls --dial", ""], b"words\0--dialect \0"),
    ("bash", ["coskit serve x", ""], b"files\0"),
    ("bash", ["coskit ls > do", ""], b"files\0"),
    ("bash", ["", ""], None),
    ("bash", ["coskit '", ""], None),
    ("zsh", ["completion", "z"], b"words\0whole\0zsh\0zsh\0"),
    ("zsh", ["ls", "co"], b"words\0part\0cos://\0cos://\0"),
    ("zsh", ["ls", "--", "-"], b"words\0"),
    ("zsh", [], b""),
    ("fish", ["completion", "z"], b"words\nzsh\t\n"),
    ("fish", ["--dialect", "'c"], b"words\ncos\t\n"),
    ("fish", ["", ""], None),
    ("tcsh", ["x"], None),
]


@pytest.mark.parametrize(("shell", "words", "records"), RECORDS)
def test_a_shell_gets_records_and_never_an_error(
    coskit: Coskit,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    shell: str,
    words: list[str],
    records: bytes | None,
) -> None:
    monkeypatch.setenv("_COSKIT_COMPLETE", shell)
    complete_for_shell(words)
    out, error = capfdbinary.readouterr()
    assert error == b""
    assert records in (None, out)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_printed(coskit: Coskit, shell: str) -> None:
    done = coskit("completion", shell, columns=80)
    assert (done.status, done.error) == (0, "")
    assert f"_COSKIT_COMPLETE={shell}" in done.output
    assert done.output == coskit("completion", shell).output


def test_an_unknown_shell_is_a_usage_error(coskit: Coskit) -> None:
    done = coskit("completion", "tcsh")
    assert done.status == 2
    assert "'bash', 'zsh', 'fish'" in done.error or "bash, zsh, fish" in done.error
