"""The command `coskit config`: profiles of the configuration file."""
