"""The objects that a command works on, and calls for many of them at a time."""
