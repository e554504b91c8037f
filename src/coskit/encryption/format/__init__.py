"""The stored format of encrypted objects."""
