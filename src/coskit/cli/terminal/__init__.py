"""Text for terminals and pipes: lines, sizes, names, errors."""
