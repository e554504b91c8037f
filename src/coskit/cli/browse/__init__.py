"""The command `coskit browse`: two panes on the terminal, local files and buckets."""
