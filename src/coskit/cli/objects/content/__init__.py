"""The commands `coskit cat` and `coskit head`: the bytes of objects."""
