"""The documentation matches the code."""

import re
import tomllib
from pathlib import Path

import pytest

from coskit.protocol.model import Operation
from coskit.protocol.operations import OPERATIONS

ROOT = Path(__file__).parents[2]
SEED_METHODS = """list_objects list_objects_versions put_object head_object get_object copy_object
delete_object delete_objects list_multipart_uploads create_multipart_upload upload_part
upload_part_copy list_parts complete_multipart_upload abort_multipart_upload restore_object
put_object_acl get_object_acl upload_file""".split()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda row: row.name)
def test_every_operation_is_in_the_compatibility_table(operation: Operation) -> None:
    text = (ROOT / "docs" / "compatibility.md").read_text()
    assert f"`{operation.function}`" in text


@pytest.mark.parametrize("name", SEED_METHODS)
def test_every_method_of_the_seed_exists_in_both_worlds(name: str) -> None:
    from coskit import AsyncClient, Client

    assert callable(getattr(Client, name))
    assert callable(getattr(AsyncClient, name))


PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_page_is_in_the_navigation_and_its_links_exist(page: Path) -> None:
    assert f": {page.name}" in (ROOT / "mkdocs.yml").read_text()
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MkDocs make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    plain = [re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in headings]
    return {re.sub(r"\s", "-", heading) for heading in plain}


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda path: path.name)
def test_every_link_to_a_section_finds_its_heading(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^):#]*)#([^)]+)\)", page.read_text()):
        linked = page.parent / target if target else page
        assert anchor in anchors(linked), f"{page.name} links to {target}#{anchor}"


def test_the_links_of_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (ROOT / target).exists(), f"README.md links to {target}"


def test_the_public_names_are_sorted_and_exist() -> None:
    import coskit

    assert coskit.__all__ == sorted(coskit.__all__)
    assert all(hasattr(coskit, name) for name in coskit.__all__)


def defined(path: Path) -> set[str]:
    """Return the names of the functions in a test file."""
    return set(re.findall(r"^(?:async )?def (\w+)\(", path.read_text(), re.MULTILINE))


def test_every_test_that_the_page_on_security_names_exists() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    named = re.findall(r"`(\w[\w/]*\.py)::(\w+)`", text)
    assert len(named) > 50
    for file, name in named:
        assert name in defined(ROOT / "tests" / file), f"{file}::{name}"


def test_every_advisory_has_a_reason_and_a_test() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    rows = [line for line in text.splitlines() if re.match(r"\| (CVE|GHSA|report)", line)]
    ids = re.findall(r"CVE-\d{4}-\d{4,}|GHSA(?:-[2-9cfghjmpqrvwx]{4}){3}", " ".join(rows))
    assert len(rows) > 80
    assert len(ids) == len(set(ids))
    for row in rows:
        advisory, wrong, reason, test = (cell.strip() for cell in row.strip("|").split(" | "))
        assert advisory
        assert wrong
        assert reason
        assert re.fullmatch(r"`[\w/]+\.py::test_\w+`", test), row


def test_the_release_says_how_to_report_a_vulnerability() -> None:
    assert "vulnerability" in (ROOT / "SECURITY.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "/SECURITY.md" in project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]


DESIGN = (ROOT / "docs/design.md").read_text()


def place(name: str) -> Path | None:
    """Return what a path on the page about the design names, in the package or the repository."""
    found = [top / name for top in (ROOT / "src/coskit", ROOT) if (top / name).exists()]
    return found[0] if found else None


@pytest.mark.parametrize("name", sorted({*re.findall(r"`([\w/]+(?:/|\.py))`", DESIGN)}))
def test_every_path_on_the_page_about_the_design_exists(name: str) -> None:
    beside = list((ROOT / "src/coskit").rglob(name.rstrip("/")))
    assert place(name) or beside or (ROOT / "tests/project" / name).exists()


@pytest.mark.parametrize(("name", "path"), re.findall(r"`([\w.]+)`\s+\(`([\w/]+\.py)`\)", DESIGN))
def test_every_name_on_the_page_about_the_design_is_defined_there(name: str, path: str) -> None:
    home = place(path)
    assert home is not None
    text = home.read_text()
    for part in name.split("."):
        assert re.search(rf"^\s*(?:async )?(?:def|class) {part}\b", text, re.MULTILINE), part
