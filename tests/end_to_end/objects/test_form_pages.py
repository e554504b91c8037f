"""The documented code for presigned forms works as it is written."""

import io
import re
import shutil
import subprocess
from contextlib import redirect_stdout
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from coskit import Client
from coskit.testing import LocalServer
from tests.support.local import fetch

PAGE = (Path(__file__).parents[3] / "docs" / "sdk.md").read_text()
SECTION = PAGE.partition("\n## Presign forms")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
CONTENT = b"\x89PNG"


def run(owner: Client, bucket: str) -> tuple[dict[str, Any], str]:
    """Run the blocks of the page; return their variables and output."""
    names: dict[str, Any] = {"client": owner}
    printed = io.StringIO()
    with redirect_stdout(printed):
        for block in BLOCKS:
            exec(block.replace("examplebucket-1250000000", bucket), names)
    return names, printed.getvalue()


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_sends_a_form(owner: Client, bucket: str, tmp_path: Path) -> None:
    _, command = run(owner, bucket)
    (tmp_path / "cat.png").write_bytes(CONTENT)
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    stored = owner.get_object(bucket, "photos/cat.png")
    assert (stored["Body"].read(), stored["Content-Type"]) == (CONTENT, "image/png")


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_cuts_values_at_semicolons_without_it(
    owner: Client, bucket: str, tmp_path: Path
) -> None:
    _, command = run(owner, bucket)
    (tmp_path / "cat.png").write_bytes(CONTENT)
    done = subprocess.run(
        ["bash", "-c", command.replace("--form-string", "--form")],
        cwd=tmp_path, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode != 0


class Form(HTMLParser):
    """A parser of a form in a page, like a browser."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the form's address and its inputs, in order."""
        given = {name: text or "" for name, text in attrs}
        if tag == "form":
            assert (given["method"], given["enctype"]) == ("post", "multipart/form-data")
            self.action = given["action"]
        elif tag == "input":
            self.fields.append((given["name"], given.get("value", "")))


def test_a_page_sends_a_form(server: LocalServer, owner: Client, bucket: str) -> None:
    names, _ = run(owner, bucket)
    form = Form(names["page"])
    assert form.fields[-1][0] == "file"
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for name, text in form.fields[:-1]
    )
    file = '--b\r\nContent-Disposition: form-data; name="file"; filename="cat.png"\r\n\r\n'
    body = (parts + file).encode() + CONTENT + b"\r\n--b--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=b"}
    assert fetch(server, "POST", form.action, body, headers).status == 200
    assert owner.get_object(bucket, "photos/cat.png")["Body"].read() == CONTENT
