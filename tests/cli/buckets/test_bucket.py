"""`coskit bucket`: settings shown, saved, compared and changed."""

import json
from pathlib import Path
from typing import Any

import pytest

from coskit import Client
from coskit.cli.buckets.documents import as_json, as_xml, parse_document
from coskit.cli.buckets.settings import SETTINGS
from tests.cli.conftest import Coskit

CORS: Any = {"CORSRule": [{"AllowedOrigin": ["*"], "AllowedMethod": ["GET"], "MaxAgeSeconds": "9"}]}
LIFECYCLE: Any = {
    "Rule": [
        {"ID": "old", "Filter": {"Prefix": "a"}, "Status": "Enabled", "Expiration": {"Days": "30"}}
    ]
}


def policy(bucket: str) -> dict[str, Any]:
    """Return a policy with which anyone may read."""
    statement = {
        "Effect": "allow",
        "Principal": {"qcs": ["qcs::cam::anyone:anyone"]},
        "Action": ["name/cos:GetObject"],
        "Resource": [f"qcs::cos:ap-local:uid/1250000000:{bucket}/*"],
    }
    return {"version": "2.0", "Statement": [statement]}


def test_an_overview_in_a_pipe(coskit: Coskit, client: Client, bucket: str) -> None:
    names = ("encryption", "tags", "cors", "lifecycle", "policy")
    head = [f"bucket        {bucket}", "region        ap-local"]
    done = coskit("bucket", f"cos://{bucket}")
    assert (done.status, done.error) == (0, "")
    assert done.lines == [
        *head,
        "versioning    Never enabled",
        "acl           private",
        *(f"{name:12}  -" for name in names),
    ]
    client.put_bucket_versioning(bucket, "Enabled")
    client.put_bucket_acl(bucket, ACL="public-read")
    client.put_bucket_cors(bucket, CORS)
    second: Any = {**LIFECYCLE["Rule"][0], "ID": "b"}
    client.put_bucket_lifecycle(bucket, {"Rule": [*LIFECYCLE["Rule"], second]})
    client.put_bucket_policy(bucket, policy(bucket))
    client.put_bucket_website(bucket, {"IndexDocument": {"Suffix": "index.html"}})
    coskit("bucket", "set", "-y", bucket, "tags", "a=1", "b=x y")
    coskit("bucket", "set", "-y", bucket, "encryption", "aes256")
    assert coskit("bucket", "show", bucket, columns=80).lines == [
        *head,
        "versioning    Enabled",
        "acl           public-read",
        "encryption    AES256",
        "tags          a=1  'b=x y'",
        "cors          1 rule",
        "lifecycle     2 rules",
        "policy        1 statement",
        "website       set",
    ]


def test_json_has_the_documents(coskit: Coskit, client: Client, bucket: str) -> None:
    client.put_bucket_cors(bucket, CORS)
    found = json.loads(coskit("bucket", "--json", f"cos://{bucket}").output)
    assert (found["bucket"], found["region"]) == (bucket, "ap-local")
    assert found["cors"] == CORS
    assert found["policy"] is None
    assert {*found} == {"bucket", "region", *SETTINGS}


def test_s3_shows_the_settings_that_it_has(coskit: Coskit, bucket: str) -> None:
    done = coskit("bucket", "--dialect", "s3", "--json", f"s3://{bucket}")
    assert (done.status, done.error) == (0, "")
    assert "referer" not in json.loads(done.output)


@pytest.mark.parametrize("form", ["--xml", "--json"])
@pytest.mark.parametrize("name", ["cors", "lifecycle"])
def test_a_document_goes_to_a_file_and_back(
    coskit: Coskit, client: Client, bucket: str, tmp_path: Path, name: str, form: str
) -> None:
    path, place = tmp_path / "document", f"cos://{bucket}"
    content = json.dumps({"cors": CORS, "lifecycle": LIFECYCLE}[name]).encode()
    assert coskit("bucket", "set", "-y", place, name, "-", stdin=content).status == 0
    xml = ("--xml",) if form == "--xml" else ()
    assert coskit("bucket", "get", *xml, place, name, path).output == ""
    assert path.read_text().startswith("<?xml" if xml else "{")
    done = coskit("bucket", "set", place, name, path)
    assert (done.status, done.lines) == (0, [f"{place} {name} is unchanged"])
    assert coskit("bucket", "rm", "-y", place, name).lines[-1] == f"removed {place} {name}"
    assert coskit("bucket", "set", "-y", place, name, path).status == 0
    assert json.loads(coskit("bucket", "get", place, name).output) == json.loads(content)


def test_the_difference_is_shown_before_a_change(
    coskit: Coskit, client: Client, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.put_bucket_cors(bucket, CORS)
    name = f"cos://{bucket} cors"
    words = ("bucket", "set", f"cos://{bucket}", "cors", "-")
    changed = json.dumps(CORS).replace('"9"', "600").encode()
    difference = [
        f"--- {name} (present)",
        f"+++ {name} (new)",
        "@@ -7,7 +7,7 @@",
        '       "AllowedMethod": [',
        '         "GET"',
        "       ],",
        '-      "MaxAgeSeconds": "9"',
        '+      "MaxAgeSeconds": "600"',
        "     }",
        "   ]",
        " }",
    ]
    assert coskit(*words, "--dry-run", stdin=changed).lines == difference
    done = coskit(*words, stdin=changed)
    assert (done.status, done.lines) == (2, difference)
    assert "add --yes" in done.error
    assert client.get_bucket_cors(bucket)["CORSRule"][0]["MaxAgeSeconds"] == "9"
    done = coskit(*words, "--yes", stdin=changed)
    assert (done.status, done.lines) == (0, [*difference, f"changed {name}"])
    assert client.get_bucket_cors(bucket)["CORSRule"][0]["MaxAgeSeconds"] == "600"


@pytest.mark.parametrize("coloured", [True, False])
def test_a_terminal_is_asked(
    coskit: Coskit,
    client: Client,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    coloured: bool,
) -> None:
    client.put_bucket_policy(bucket, policy(bucket))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "" if coloured else "1")
    words = ("bucket", "rm", f"cos://{bucket}", "policy")
    done = coskit(*words, stdin=b"n\n", columns=80)
    assert (done.status, "\x1b[31m-" in done.output) == (1, coloured)
    assert done.error.startswith(f"Remove cos://{bucket} policy? [y/N] ")
    assert client.get_bucket_policy(bucket)
    assert coskit(*words, stdin=b"y\n", columns=80).status == 0
    done = coskit("bucket", "get", f"cos://{bucket}", "policy")
    assert (done.status, done.error) == (1, f"coskit: cos://{bucket}: policy is not set\n")


def test_words_instead_of_a_file(coskit: Coskit, client: Client, bucket: str) -> None:
    for words in (["versioning", "suspended"], ["acl", "public-read"], ["tags", "a=1", "b="]):
        assert coskit("bucket", "set", "-y", bucket, *words).status == 0
        assert coskit("bucket", "set", bucket, *words).lines[0].endswith("is unchanged")
    assert client.get_bucket_versioning(bucket)["Status"] == "Suspended"
    assert len(client.get_bucket_acl(bucket)["AccessControlList"]["Grant"]) == 2
    tags = client.get_bucket_tagging(bucket)["TagSet"]["Tag"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]


@pytest.mark.parametrize("name", ["cors", "lifecycle"])
def test_a_document_may_name_itself(name: str) -> None:
    setting, document = SETTINGS[name], {"cors": CORS, "lifecycle": LIFECYCLE}[name]
    assert setting.shape is not None
    for text in (as_xml(setting, document), as_json(setting, {setting.shape.tag: document})):
        assert parse_document(setting, text.encode()) == document


@pytest.mark.parametrize(
    ("words", "stdin", "status", "error"),
    [
        ("set {b} cors -", b'{"CORSRules": []}', 2, "did you mean CORSRule?"),
        ("set {b} cors -", b'{"CORSRule": [', 2, "-: it is neither XML nor JSON"),
        ("set {b} cors -", b"[]", 2, "an object, in braces"),
        ("set {b} cors -", b"<CORSConfiguration><Odd/></CORSConfiguration>", 2, "<Odd>"),
        ("set {b} policy -", b"<Policy/>", 2, "a policy is JSON"),
        ("set -y {b} policy -", b"{}", 1, "coskit: "),
        ("set {b} cors /none/such", b"", 1, "/none/such: No such file"),
        ("set {b} lifecyle x", b"", 2, "did you mean lifecycle?"),
        ("set {b} versioning on", b"", 2, "versioning is Enabled, Suspended, a file, or -"),
        ("set {b} acl odd", b"", 2, "acl is private, public-read"),
        ("set {b} odd x", b"", 2, "name one of versioning, acl"),
        ("set {b} cors a b", b"", 2, "cors takes one value"),
        ("set {b} tags a=1 a=2", b"", 2, "named twice"),
        ("rm {b} versioning", b"", 2, "cannot be removed"),
        ("get --xml {b} acl /none/such", b"", 1, "/none/such: No such file"),
        ("cos://none-1250000000", b"", 1, "NoSuchBucket"),
        ("get none-1250000000 cors", b"", 1, "NoSuchBucket"),
        ("shwo {b}", b"", 2, "Did you mean show?"),
    ],
)
def test_failures(
    coskit: Coskit, bucket: str, words: str, stdin: bytes, status: int, error: str
) -> None:
    done = coskit("bucket", *words.format(b=f"cos://{bucket}").split(), stdin=stdin)
    assert done.status == status
    assert error in done.error
    assert done.error.count("\n") == 1
