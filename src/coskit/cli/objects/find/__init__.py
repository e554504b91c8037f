"""The command `coskit find` and its conditions."""
