"""Documents of the S3 dialect, converted to and from COS."""
