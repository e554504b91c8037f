"""DuckDB with its extension httpfs."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

import duckdb
import duckdb_extension_httpfs

from tests.compatibility.interop.client_rounds import Client, Head, Listing, Workspace


class Driver(Client):
    """SQL on `s3://` URLs, path style."""

    unsupported: ClassVar[Mapping[str, str]] = {
        "stream": "writes query results only",
        "copy": "no statement",
        "delete": "no statement",
        "delete many": "no statement",
        "versions": "no option",
        "presigned GET": "signs no URLs",
        "presigned PUT": "signs no URLs",
        "metadata": "no option",
        "tags": "no option",
        "conditional PUT": "no option",
        "checksums": "no option",
        "range": "chooses ranges itself",
    }
    unsupported_keys: ClassVar[Mapping[str, str]] = {
        "a?b": "a question mark starts its options",
        "a/../b": "its HTTP library resolves the dots after signing",
    }
    partial: ClassVar[Mapping[str, str]] = {
        "put": "starts a multipart upload for an empty object and never completes it",
        "list": "finds objects by a glob pattern, returns no prefixes",
    }

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        packaged = Path(next(iter(duckdb_extension_httpfs.__path__)))
        [extension] = packaged.glob("extensions/v*/httpfs.duckdb_extension")
        self.sql = duckdb.connect()
        self.sql.execute(f"LOAD '{extension}'")
        self.sql.execute(
            f"CREATE SECRET (TYPE s3, KEY_ID '{workspace.secret_id}', "
            f"SECRET '{workspace.secret_key}', "
            f"REGION '{workspace.region}', ENDPOINT '127.0.0.1:{workspace.port}', "
            "URL_STYLE 'path', USE_SSL false)"
        )
        self.sql.execute("SET http_retries = 0")
        self.sql.execute("SET s3_uploader_max_filesize = '50GB'")  # parts of 5 MB

    def version(self) -> str:
        return version("duckdb")

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.sql.execute(f"COPY (SELECT $1::BLOB) TO '{_url(bucket, key)}' (FORMAT BLOB)", [body])

    def get(self, bucket: str, key: str) -> bytes:
        rows = self.sql.execute("SELECT content FROM read_blob($1)", [_url(bucket, key, 1)])
        [[body]] = rows.fetchall()
        return bytes(body)

    def head(self, bucket: str, key: str) -> Head | None:
        try:
            rows = self.sql.execute("SELECT size FROM read_blob($1)", [_url(bucket, key, 1)])
        except duckdb.HTTPException as error:
            if "404" in str(error):
                return None
            raise
        except duckdb.IOException as error:
            if "No files found" in str(error):
                return None
            raise
        [[size]] = rows.fetchall()
        return Head(size)

    def listed(self, bucket: str, prefix: str, delimiter: str) -> Listing:
        pattern = f"s3://{bucket}/{prefix}*" + ("" if delimiter else "*")
        rows = self.sql.execute("SELECT file FROM glob($1)", [pattern]).fetchall()
        return Listing([name.removeprefix(f"s3://{bucket}/") for [name] in rows])

    def multipart(self, bucket: str, key: str, body: bytes) -> None:
        self.put(bucket, key, body)

    def upload(self, path: Path, bucket: str, key: str) -> None:
        self.sql.execute(
            f"COPY (SELECT content FROM read_blob('{path}')) TO '{_url(bucket, key)}' (FORMAT BLOB)"
        )

    def download(self, bucket: str, key: str, path: Path) -> None:
        self.sql.execute(
            f"COPY (SELECT content FROM read_blob('{_url(bucket, key)}')) TO '{path}' (FORMAT BLOB)"
        )


def _url(bucket: str, key: str, quotes: int = 2) -> str:
    return f"s3://{bucket}/{key.replace(chr(39), chr(39) * quotes)}"
