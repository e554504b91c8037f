"""The dialects of a client, COS and S3: encoding, signing and reading of responses."""
