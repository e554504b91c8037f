"""The commands and programs of README and docs run as they are written."""

import re
import subprocess
from base64 import b64encode
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.project.newcomer.environments import Environments
from tests.project.newcomer.page_runner import run
from tests.project.newcomer.pages import ROOT, blocks, documented_sets, pages, requirements

PLAIN = ("coskit",)
SERVER = ("coskit[server]",)
# Files that the pages assume.
GIVEN = {
    "a.txt": "hi\n",
    "video.mp4": "a video\n",
    "tables/1.csv": "a,b\n1,2\n",
    "site/index.html": "<h1>hi</h1>\n",
    "site/.git/config": "[core]\n",
    "policy.json": """{"version": "2.0", "statement": [
        {"effect": "allow", "action": ["name/cos:GetObject"], "resource": ["*"]}]}""",
    "sts.json": """{"expiredTime": 4102444800, "credentials":
        {"tmpSecretId": "...", "tmpSecretKey": "...", "sessionToken": "..."}}""",
    ".aes_key.pem": b64encode(bytes(range(32))).decode(),
    "site.crt": (ROOT / "tests/support/tls/server.pem").read_text(),
    "site.key": (ROOT / "tests/support/tls/server.key").read_text(),
}
RUN = [
    page for page in pages() if any(block.language in ("sh", "python") for block in blocks(page))
]


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Environments:
    """Build the wheel; environments are built on first use."""
    return Environments(tmp_path_factory.mktemp("environments"))


def test_the_readme_and_the_quickstart_are_among_the_pages_that_run() -> None:
    assert {"README.md", "quickstart.md", "sdk.md", "server.md", "s3.md"} <= {p.name for p in RUN}


@pytest.mark.parametrize("wanted", [PLAIN, *(one for one in documented_sets() if one != PLAIN)])
def test_each_documented_set_of_packages_is_complete(
    wanted: tuple[str, ...], environments: Environments
) -> None:
    commands = environments.commands(wanted)
    if not any(word.startswith("coskit") for word in wanted):
        return
    said = subprocess.run(
        [commands / "coskit", "--version"], capture_output=True, check=False, text=True
    )
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", said.stdout), said.stderr
    names = "import coskit; [getattr(coskit, name) for name in coskit.__all__]"
    subprocess.run([commands / "python", "-c", names], check=True)


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_a_page_works_as_it_is_written(
    page: Path, environments: Environments, tmp_path: Path
) -> None:
    commands = environments.commands(requirements(page) or PLAIN)
    server = environments.commands(SERVER) / "coskit"
    reader = tmp_path / "reader"
    reader.mkdir()
    run(page, commands, server, reader, GIVEN)


def test_the_wheel_has_the_projects_addresses_and_absolute_links(
    environments: Environments,
) -> None:
    with ZipFile(environments.wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        output = archive.read(name).decode()
    assert re.search("^Project-URL: Homepage, https://", output, re.MULTILINE)
    links = re.findall(r"\]\(([^)]*)\)", output)
    assert links
    assert [link for link in links if not link.startswith("https://")] == []
