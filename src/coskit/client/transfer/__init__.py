"""Parts, journals and files of transfers; no I/O but on local files."""
