"""Signatures of the S3 dialect."""
