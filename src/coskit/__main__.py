"""`python -m coskit` is the command `coskit`."""

from coskit.cli.main import main

main()
