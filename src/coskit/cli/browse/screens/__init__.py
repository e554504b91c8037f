"""The panes and dialogs on the terminal."""
