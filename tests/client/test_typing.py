"""Right and wrong calls as a type checker takes them, in both worlds."""

import re
from pathlib import Path

import pytest
from mypy import api

ROOT = Path(__file__).parents[2]
# Each line of a world's program; a wrong one ends with the codes of the errors it has to have.
LINES = """
await client.upload_file("b", "k", "f", StorageClass="STANDARD_IA", Metadata={"a": "b"})
await client.upload_file("b", "k", "f", **upload)
await client.upload_file("b", "k", "f", StorageClas="STANDARD_IA")  # call-arg
await client.upload_file("b", "k", "f", StorageClass="STANDRAD")  # arg-type
await client.upload_file("b", "k", "f", StorageClass=text)  # arg-type
await client.upload_file("b", "k", "f", StorageClass=cast(types.StorageClass, text))
await client.upload_file("b", "k", "f", ACL="open")  # arg-type
await client.upload_file("b", "k", "f", ContentLength=5)  # call-arg
await client.upload_file("b", "k", "f", Metadata=5)  # arg-type
await client.upload_file("b", "k", "f", TrafficLimit=819200, ForbidOverwrite=True)
await client.upload_file("b", "k", "f", ForbidOverwrite="yes")  # arg-type
await client.upload_stream("b", "k", file, Tagging="a=b", ACL="private")
await client.upload_stream("b", "k", file, Resume=True)  # call-arg
await client.upload_fileobj("b", "k", file, CacheControl="no-store")
await client.upload_fileobj("b", "k", file, CacheContrl="no-store")  # call-arg
await client.download_file("b", "k", "f", TrafficLimit=819200, IfMatch="e")
await client.download_file("b", "k", "f", Range="bytes=0-1")  # call-arg
await client.download_file("b", "k", "f", StorageClass="STANDARD")  # call-arg
await client.download_fileobj("b", "k", file, SSECustomerKey=b"k" * 32)
await client.download_fileobj("b", "k", file, SSECustomerKey=5)  # arg-type
await client.copy("b", "k", source, "Replaced", TaggingDirective="Copy")
await client.copy("b", "k", source, "Replace")  # arg-type
await client.copy("b", "k", source, TaggingDirective="REPLACE")  # arg-type
await client.copy("b", "k", source, EnableMD5=True)  # call-arg
await client.copy("b", "k", {"Bucket": "b", "key": "k"})  # typeddict-item typeddict-unknown-key
await client.upload_dir("b", "d", OnError="continue", PartSize=5, ContentType="a/b")
await client.upload_dir("b", "d", OnError="ignore")  # arg-type
await client.upload_dir("b", "d", EnableCRC=True)  # call-arg
await client.download_dir("b", "d", EnableCRC=False, TrafficLimit=819200)
await client.download_dir("b", "d", ACL="private")  # call-arg
await client.sync("d", "cos://b", Compare="checksum", StorageClass="ARCHIVE", EnableCRC=True)
await client.sync("d", "cos://b", Compare="md5")  # arg-type
await client.sync("d", "cos://b", Storage="ARCHIVE")  # call-arg
await client.put_object("b", b"", "k", ACL="bucket-owner-read")
await client.put_object("b", b"", "k", ACL="log-delivery-write")  # arg-type
await client.put_bucket_acl("b", ACL="public-read-write")
await client.put_bucket_acl("b", ACL="default")  # arg-type
await client.put_bucket_versioning("b", "Enabled")
await client.put_bucket_versioning("b", "enabled")  # arg-type
await client.list_buckets(Range="lte")
await client.list_buckets(Range="le")  # arg-type
await client.restore_object("b", "k", {"Days": 1, "CASJobParameters": {"Tier": "Bulk"}})
await client.restore_object("b", "k", {"CASJobParameters": {"Tier": "X"}})  # typeddict-item
await client.put_bucket_cors("b", {"CORSRule": [{"AllowedMethod": ["GET"]}]})
await client.put_bucket_cors("b", {"CORSRule": [{"AllowedMethod": ["get"]}]})  # list-item
client.get_presigned_url("b", "k", "PUT")
client.get_presigned_url("b", "k", "FETCH")  # arg-type
client.get_auth("FETCH", "b")  # arg-type
await sealed.put_object("b", b"", "k", StorageClass="ARCHIVE", ContentLength=0)
await sealed.put_object("b", b"", "k", StorageClas="ARCHIVE")  # call-arg
await sealed.put_object("b", b"", "k", ContentMD5="m")  # call-arg
await sealed.get_object("b", "k", Range="bytes=0-1")
await sealed.get_object("b", "k", range="bytes=0-1")  # call-arg
await sealed.head_object("b", "k", VersionId=5)  # arg-type
await sealed.copy_object("b", "k", source, "Replaced", Metadata={"a": "b"})
await sealed.copy_object("b", "k", source, "Other")  # arg-type
await sealed.delete_object("b", "k", Version="1")  # call-arg
await sealed.upload_file("b", "k", "f", PartSize=5, ACL="private")
await sealed.upload_file("b", "k", "f", PartSize="5")  # arg-type
await sealed.download_file("b", "k", "f", VersionId="1", Resume=False)
await sealed.download_file("b", "k", "f", VersionID="1")  # call-arg
assert_type(coskit.metadata(await client.head_object("b", "k")), dict[str, str])
assert_type(coskit.metadata(await client.get_object("b", "k")), dict[str, str])
assert_type(coskit.metadata(await client.download_file("b", "k", "f")), dict[str, str])
coskit.metadata("x-cos-meta-a")  # arg-type
await client.sync("d", "cos://b", OnError=on_error)
"""
PROGRAM = """
import io
from typing import assert_type, cast

import coskit
from coskit import types
from coskit.encryption import {prefix}EncryptedClient

upload: types.UploadOptions = {{"StorageClass": "STANDARD", "ACL": "private"}}
source: types.CopySource = {{"Bucket": "b", "Key": "k"}}
on_error: types.OnError = "continue"
file, text = io.BytesIO(), str()


{start}def calls(client: coskit.{prefix}Client, sealed: {prefix}EncryptedClient) -> None:
"""
SAYS = re.compile(r":(\d+): error: .*\[([a-z-]+)\]$", re.MULTILINE)


def program(prefix: str) -> str:
    """Return the program of one world."""
    head = PROGRAM.format(prefix=prefix, start="async " if prefix else "")
    lines = LINES if prefix else LINES.replace("await ", "")
    return head + "\n".join("    " + line for line in lines.strip().splitlines()) + "\n"


def wanted(text: str) -> dict[int, str]:
    """Return the codes of the errors that a program has to have, by line."""
    lines = enumerate(text.splitlines(), 1)
    return {n: line.partition("  # ")[2] for n, line in lines if "  # " in line}


@pytest.mark.slow
def test_wrong_calls_are_refused_and_right_ones_are_not(tmp_path: Path) -> None:
    texts = {tmp_path / f"calls_{prefix.lower()}.py": program(prefix) for prefix in ("", "Async")}
    for path, text in texts.items():
        path.write_text(text)
    config = ["--config-file", str(ROOT / "pyproject.toml"), "--no-pretty", "--hide-error-context"]
    cache = ["--cache-dir", str(ROOT / ".mypy_cache")]
    out, err, _ = api.run([*config, *cache, *map(str, texts)])
    assert not err
    for path, text in texts.items():
        found: dict[int, str] = {}
        for line in out.splitlines():
            said = SAYS.search(line)
            # What mypy remembers of an earlier run has that run's directory in it.
            if said and Path(line.partition(":")[0]).name == path.name:
                codes = {*found.get(int(said[1]), "").split(), said[2]}
                found[int(said[1])] = " ".join(sorted(codes))
        lines = text.splitlines()
        assert {lines[n - 1]: code for n, code in found.items()} == {
            lines[n - 1]: code for n, code in wanted(text).items()
        }, out
