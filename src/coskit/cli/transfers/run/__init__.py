"""Runs transfers for commands: their lines, their bar, their failures."""
