"""The dialect of S3: its names, signatures, documents and errors beside those of COS."""
