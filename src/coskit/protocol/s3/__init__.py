"""The S3 dialect: its operations, names, signatures, documents and errors."""
