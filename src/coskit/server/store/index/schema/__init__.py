"""The index's tables: numbered steps, each applied once, in order."""
