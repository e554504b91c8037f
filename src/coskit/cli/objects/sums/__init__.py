"""The commands `coskit tree` and `coskit du`: sums by folder."""
