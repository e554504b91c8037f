"""Low-level rules for files: private modes, syncs, reserved space."""
