-- Who began an upload, which may be another than the account that is to own the object.
ALTER TABLE upload ADD COLUMN initiator TEXT;
