"""The command `coskit doctor`: checks from the settings to the permissions, one line each."""
