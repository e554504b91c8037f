"""Care for a store: check, scrub, backup, export, import."""
