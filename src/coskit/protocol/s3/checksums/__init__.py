"""Checksums of the S3 dialect."""
