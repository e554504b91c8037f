"""`coskit browse`: keys pressed against a real server, and what the screen shows then."""

from pathlib import Path

import pytest

from coskit import Client
from coskit.cli.arguments.locations import CosLocation
from coskit.cli.objects import listing
from tests.cli.browse.conftest import Browse, Browser
from tests.cli.conftest import Coskit

ODD = ("a b.txt", "it's\n.txt", "中文.txt", "tab\t[bold].txt")


def keys_of(client: Client, bucket: str) -> set[str]:
    return {entry["Key"] for entry in client.iter_objects(bucket)}


def test_folders_are_entered_and_left(browse: Browse, client: Client, bucket: str) -> None:
    for key in ("a.txt", "docs/sub/x.csv", "docs/y.csv"):
        client.put_object(bucket, b"abc", key)

    async def steps(browser: Browser) -> None:
        await browser.sees("a.txt")
        await browser.press("down", "enter")
        await browser.sees(f"cos://{bucket}/docs/")
        assert "sub/" in browser.screen
        assert "y.csv" in browser.screen
        await browser.press("enter", "backspace", "backspace")
        entry = browser.app.bucket.entries.current
        assert entry is not None
        assert entry.name == "docs", "the cursor is on the folder that was left"
        await browser.press("backspace")
        await browser.until(lambda: browser.app.bucket.place == CosLocation(""))
        assert bucket in browser.screen
        await browser.press("tab", "right", "left")
        assert browser.app.pane is browser.app.local

    browse(steps)


@pytest.mark.parametrize("columns", [60, 120])
def test_odd_names_are_shown_safely(
    browse: Browse, client: Client, bucket: str, columns: int
) -> None:
    for key in ODD:
        client.put_object(bucket, b"abc", key)

    async def steps(browser: Browser) -> None:
        for shown in ("a b.txt", "it's\\n.txt", "中文.txt", "tab\\t[bold].txt"):
            assert shown in browser.screen
        assert max(map(len, browser.screen.splitlines())) <= columns
        assert "q quit" in browser.screen

    browse(steps, columns=columns)


def test_selected_objects_and_folders_are_downloaded(
    browse: Browse, client: Client, bucket: str, tmp_path: Path
) -> None:
    for key in ("docs/one.txt", "docs/sub/two.txt", "three.txt", "zero.txt"):
        client.put_object(bucket, key.encode(), key)

    async def steps(browser: Browser) -> None:
        await browser.press("space", "space", "f5")
        await browser.sees("Copy 2 entries")
        await browser.press("enter")
        await browser.until(lambda: browser.app.message == "copied 3 files, 37 B of 37 B")

    browse(steps)
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.txt")}
    assert found == {"docs/one.txt", "docs/sub/two.txt", "three.txt"}
    assert (tmp_path / "docs/sub/two.txt").read_bytes() == b"docs/sub/two.txt"


def test_files_and_directories_are_uploaded(
    browse: Browse, client: Client, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "dir/sub").mkdir(parents=True)
    (tmp_path / "dir/sub/x").write_bytes(b"abc")
    for name in ODD:
        (tmp_path / name).write_bytes(name.encode())

    async def steps(browser: Browser) -> None:
        await browser.press("left", *["space"] * 5, "c", "y")
        await browser.until(lambda: browser.app.message.startswith("copied 5 files"))
        await browser.sees("5 entries")

    browse(steps, key="to/")
    assert keys_of(client, bucket) == {"to/dir/sub/x", *(f"to/{name}" for name in ODD)}


def test_what_cannot_be_a_file_is_listed_and_the_rest_is_copied(
    browse: Browse, client: Client, bucket: str, tmp_path: Path
) -> None:
    for key in ("../up.txt", "good.txt", "odd//x.txt"):
        client.put_object(bucket, b"abc", key)

    async def steps(browser: Browser) -> None:
        await browser.press("space", "space", "space", "c", "enter")
        await browser.sees("done, with failures")
        assert "../: The key '..' cannot become a file" in browser.screen
        assert "odd//x.txt: The key '/x.txt' cannot become a file" in browser.screen
        await browser.press("escape")
        assert browser.app.message == "copied 1 file, 3 B of 3 B, 2 failed"

    browse(steps)
    assert [path.name for path in tmp_path.rglob("*.txt")] == ["good.txt"]
    assert not (tmp_path.parent / "up.txt").exists()


def test_a_deletion_counts_and_asks(browse: Browse, client: Client, bucket: str) -> None:
    for key in ("docs/", "docs/one", "docs/sub/two", "other"):
        client.put_object(bucket, b"abc", key)

    async def steps(browser: Browser) -> None:
        for answer in ("n", "enter", "escape", "y"):
            assert len(keys_of(client, bucket)) == 4
            await browser.press("d")
            await browser.sees(f"Delete docs/ from cos://{bucket}?")
            assert "3 objects, 9 B" in browser.screen
            await browser.press(answer)
        await browser.until(lambda: browser.app.message == "deleted 3 objects")
        await browser.settled()
        assert "docs/" not in browser.screen

    browse(steps)
    assert keys_of(client, bucket) == {"other"}


def test_local_files_and_directories_are_deleted(browse: Browse, tmp_path: Path) -> None:
    (tmp_path / "dir/sub").mkdir(parents=True)
    (tmp_path / "dir/sub/x").touch()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/kept").touch()
    (tmp_path / "dir/link").symlink_to(tmp_path / "outside")
    (tmp_path / "link").symlink_to(tmp_path / "outside")

    async def steps(browser: Browser) -> None:
        await browser.press("tab", "space", "space", "delete")
        await browser.sees("Delete 2 entries")
        assert "3 files" in browser.screen
        await browser.press("y")
        await browser.until(lambda: browser.app.message == "deleted 3 files")

    browse(steps)
    assert {path.name for path in tmp_path.rglob("*")} == {"outside", "kept"}


def test_a_preview_shows_text_or_digits(browse: Browse, client: Client, bucket: str) -> None:
    client.put_object(bucket, b"line\n" + "中".encode() * 1000, "text")
    client.put_object(bucket, bytes(range(256)), "x.bin")

    async def steps(browser: Browser) -> None:
        await browser.press("v")
        await browser.sees("│ line")
        assert "中中" in browser.screen
        await browser.press("escape", "down", "enter")
        await browser.sees("000000  00 01 02 03 04 05 06 07")

    browse(steps, columns=60)


def test_an_old_version_is_restored(browse: Browse, client: Client, bucket: str) -> None:
    client.put_bucket_versioning(bucket, "Enabled")
    for content in (b"first", b"second!", b"the last"):
        client.put_object(bucket, content, "k")

    async def steps(browser: Browser) -> None:
        await browser.press("V")
        await browser.sees("Versions of k")
        await browser.sees("7 B")
        await browser.press("enter")
        await browser.until(lambda: browser.app.message == "choose an old version to restore")
        await browser.press("V")
        await browser.sees("Versions of k")
        await browser.press("down", "enter")
        await browser.sees("the latest again?")
        await browser.press("y")
        await browser.until(lambda: browser.app.message == "restored k")

    browse(steps)
    with client.get_object(bucket, "k")["Body"] as body:
        assert b"".join(body) == b"second!"


def test_a_refresh_shows_what_has_changed(
    browse: Browse, client: Client, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 50)
    for number in range(70):
        client.put_object(bucket, b"", f"k{number:02}")

    async def steps(browser: Browser) -> None:
        await browser.sees("70 entries")
        await browser.press("end")
        await browser.sees("k69")
        client.delete_object(bucket, "k69")
        await browser.press("r")
        await browser.sees("69 entries")
        assert browser.app.bucket.entries.cursor == 68
        assert "k69" not in browser.screen

    browse(steps)


def test_a_filter_shows_names_that_begin_with_a_text(
    browse: Browse, client: Client, bucket: str
) -> None:
    for key in ("quick", "quiet", "other"):
        client.put_object(bucket, b"abc", key)

    async def steps(browser: Browser) -> None:
        await browser.press("slash")
        await browser.type("qui")
        await browser.press("enter")
        await browser.sees("2 entries")
        assert "other" not in browser.screen
        await browser.press("escape")
        await browser.sees("3 entries")

    browse(steps)


def test_an_error_is_a_line_with_code_and_request_id(browse: Browse) -> None:
    async def steps(browser: Browser) -> None:
        await browser.until(lambda: browser.app.message.startswith("NoSuchBucket"))
        assert "request id" in browser.app.message
        assert "NoSuchBucket" in browser.screen
        assert browser.app.message.partition("request id ")[2][:8] in browser.screen
        await browser.press("question_mark")
        await browser.sees("Backspace")
        await browser.press("escape", "r", "q")

    browse(steps, location="missing-1250000000")


WRONG = [
    ("cos://b-1250000000 {t}", "browse needs a terminal"),
    ("cos://b-1250000000 {t}/none", "is not a directory"),
    ("{t} {t}", "is not a location"),
]


@pytest.mark.parametrize(("words", "error"), WRONG)
def test_what_is_refused_before_it_starts(
    coskit: Coskit, tmp_path: Path, words: str, error: str
) -> None:
    done = coskit("browse", *words.format(t=tmp_path).split())
    assert done.status == 2
    assert error in done.error
