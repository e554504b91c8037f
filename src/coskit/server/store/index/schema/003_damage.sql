-- Blobs that were found missing or damaged; a mark goes when its blob does.
CREATE TABLE damage (
    blob_id TEXT PRIMARY KEY,
    since INTEGER NOT NULL,
    what TEXT NOT NULL
) WITHOUT ROWID;

-- Where a job that takes long has got to, as text that only the job reads.
CREATE TABLE progress (
    job TEXT PRIMARY KEY,
    state TEXT NOT NULL
) WITHOUT ROWID;
