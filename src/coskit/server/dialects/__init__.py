"""The COS and S3 dialects of the server."""
