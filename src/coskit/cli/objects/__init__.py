"""Commands that list, read and describe objects."""
