"""Generated files are equal to the output of scripts/generate.py."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TYPES = "src/coskit/protocol/types.py"
TWIN = "src/coskit/client/_sync/operations.py"


def check(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "scripts" / "generate.py"), "--check"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_nothing_generated_is_out_of_date() -> None:
    done = check(ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def copied(copy: Path) -> Path:
    """Copy the parts of the checkout that the generator reads and writes."""
    for name in ("src", "scripts", "docs"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


@pytest.fixture(scope="module")
def tampered(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """Check a copy of the checkout in which every kind of generated file was tampered with."""
    copy = copied(tmp_path_factory.mktemp("checkout"))
    (copy / TYPES).write_text((copy / TYPES).read_text() + "# edited\n")
    (copy / TWIN).unlink()
    (copy / "docs/operations.md").write_text("")
    (copy / "src/coskit/client/_sync/leftover.py").touch()
    (copy / "src/coskit/encryption/_sync/decrypting_body.py").write_text("")
    source = copy / "src/coskit/client/_async/paginators.py"
    source.write_text(source.read_text() + "\n# edited\n")
    return check(copy)


@pytest.mark.parametrize(
    "path",
    [
        TYPES,
        TWIN,
        "docs/operations.md",
        "src/coskit/client/_sync/leftover.py",
        "src/coskit/client/_sync/paginators.py",
        "src/coskit/encryption/_sync/decrypting_body.py",
    ],
)
def test_a_file_that_was_edited_by_hand_is_named(
    path: str, tampered: subprocess.CompletedProcess[str]
) -> None:
    assert tampered.returncode == 1
    assert f"{path} is not what" in tampered.stdout


def test_a_file_that_was_not_edited_is_not_named(
    tampered: subprocess.CompletedProcess[str],
) -> None:
    assert "_sync/client.py" not in tampered.stdout


@pytest.mark.parametrize(
    ("module", "listed", "error"),
    [
        (
            "operations.py",
            "    PUT_SYMLINK,\n",
            "PUT_SYMLINK is defined and not listed in OPERATIONS",
        ),
        (
            "s3/operations.py",
            "    RESTORE_OBJECT,\n",
            "RESTORE_OBJECT is defined and not listed in S3_OPERATIONS",
        ),
        (
            "s3/extra_operations.py",
            ", *_ACCESS_ROWS",
            "GetBucketOwnershipControls of _ACCESS_ROWS is not listed in S3_OPERATIONS",
        ),
    ],
    ids=["a row of COS", "a row of S3", "rows of S3"],
)
def test_a_row_that_no_table_lists_is_named(
    module: str, listed: str, error: str, tmp_path: Path
) -> None:
    path = copied(tmp_path) / "src/coskit/protocol" / module
    text = path.read_text()
    assert text.count(listed) == 1
    path.write_text(text.replace(listed, ""))
    done = check(tmp_path)
    assert done.returncode == 1
    assert f"src/coskit/protocol/{module}: {error}" in done.stderr.splitlines()
