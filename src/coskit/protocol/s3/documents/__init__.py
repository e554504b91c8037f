"""Documents of the S3 dialect, converted to and from those of COS."""
