"""The COS protocol as pure functions: no I/O, no clock."""
