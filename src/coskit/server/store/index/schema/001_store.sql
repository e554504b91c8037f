-- Keys are BLOBs so that they sort as COS lists them: by their UTF-8 bytes.
-- `vord` orders versions: larger is newer. `is_null` marks the version whose id is "null".
-- `body` is '' for an empty body, a blob's id for one whole blob, else JSON [[blob, offset, length], ...].
-- Wide columns stand last: a listing does not read that far into a row.

CREATE TABLE bucket (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    created INTEGER NOT NULL,
    versioning TEXT NOT NULL,
    acl TEXT NOT NULL,
    config TEXT NOT NULL
);

CREATE INDEX bucket_owner ON bucket (owner);

CREATE TABLE sequence (last INTEGER NOT NULL);
INSERT INTO sequence VALUES (0);

-- The live object of each key and nothing else, so that versions and markers cost a listing nothing.
CREATE TABLE head (
    bucket_id INTEGER NOT NULL,
    key BLOB NOT NULL,
    vord INTEGER NOT NULL,
    is_null INTEGER NOT NULL,
    etag TEXT NOT NULL,
    crc64 INTEGER NOT NULL,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    storage_class TEXT NOT NULL,
    owner TEXT NOT NULL,
    restore TEXT,
    appendable INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    acl TEXT,
    tags TEXT,
    headers TEXT,
    body TEXT NOT NULL,
    PRIMARY KEY (bucket_id, key)
) WITHOUT ROWID;

-- Every older version, and every delete marker, also one that is the newest.
CREATE TABLE version (
    bucket_id INTEGER NOT NULL,
    key BLOB NOT NULL,
    vord INTEGER NOT NULL,
    is_null INTEGER NOT NULL,
    etag TEXT NOT NULL,
    crc64 INTEGER NOT NULL,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    storage_class TEXT NOT NULL,
    owner TEXT NOT NULL,
    restore TEXT,
    appendable INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    acl TEXT,
    tags TEXT,
    headers TEXT,
    body TEXT NOT NULL,
    is_marker INTEGER NOT NULL,
    PRIMARY KEY (bucket_id, key, vord DESC)
) WITHOUT ROWID;

CREATE UNIQUE INDEX version_null ON version (bucket_id, key) WHERE is_null;

-- `refs` counts the extents of versions and parts that name the blob; `data` is NULL for a file.
-- With rowids, since a table without them keeps only a quarter of a page in a row.
CREATE TABLE blob (
    id TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    crc64 INTEGER NOT NULL,
    refs INTEGER NOT NULL CHECK (refs > 0),
    data BLOB
);

CREATE TABLE upload (
    bucket_id INTEGER NOT NULL,
    key BLOB NOT NULL,
    upload_id TEXT NOT NULL,
    initiated INTEGER NOT NULL,
    owner TEXT NOT NULL,
    storage_class TEXT NOT NULL,
    acl TEXT,
    tags TEXT,
    headers TEXT,
    PRIMARY KEY (bucket_id, key, upload_id)
) WITHOUT ROWID;

CREATE TABLE part (
    upload_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    etag TEXT NOT NULL,
    crc64 INTEGER NOT NULL,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (upload_id, number)
) WITHOUT ROWID;

-- Files that nothing names any more and that may still be on disk.
CREATE TABLE garbage (
    blob_id TEXT PRIMARY KEY,
    since INTEGER NOT NULL
) WITHOUT ROWID;
