"""Bucket policies in the language of S3."""
