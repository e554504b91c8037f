"""The SQLite index of buckets, objects and uploads."""
