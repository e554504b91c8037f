"""MD5, CRC64 and their combination."""
