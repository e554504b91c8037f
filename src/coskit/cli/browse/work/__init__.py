"""The work behind the keys, without a terminal: copies, deletions, previews, versions."""
