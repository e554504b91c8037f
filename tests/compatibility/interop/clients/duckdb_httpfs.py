"""DuckDB with its extension httpfs."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

import duckdb
import duckdb_extension_httpfs

from tests.compatibility.interop.client_rounds import Client, Head, Listing, Place


class Driven(Client):
    """SQL on `s3://` URLs, path style."""

    cannot: ClassVar[Mapping[str, str]] = {
        "stream": "writes the results of queries",
        "copy": "has no statement for it",
        "delete": "has no statement for it",
        "delete many": "has no statement for it",
        "versions": "has no option for them",
        "presigned GET": "signs no URLs",
        "presigned PUT": "signs no URLs",
        "metadata": "has no option for it",
        "tags": "has no option for them",
        "conditional PUT": "has no option for it",
        "checksums": "has no option for them",
        "range": "chooses its ranges itself",
    }
    cannot_keys: ClassVar[Mapping[str, str]] = {
        "a?b": "a question mark begins its options",
        "a/../b": "its HTTP library resolves the dots after signing",
    }
    partly: ClassVar[Mapping[str, str]] = {
        "put": "an empty object it begins as an upload, and never completes",
        "list": "globs over objects, shows no prefixes",
    }

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        packaged = Path(next(iter(duckdb_extension_httpfs.__path__)))
        [extension] = packaged.glob("extensions/v*/httpfs.duckdb_extension")
        self.sql = duckdb.connect()
        self.sql.execute(f"LOAD '{extension}'")
        self.sql.execute(
            f"CREATE SECRET (TYPE s3, KEY_ID '{place.secret_id}', SECRET '{place.secret_key}', "
            f"REGION '{place.region}', ENDPOINT '127.0.0.1:{place.port}', "
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
