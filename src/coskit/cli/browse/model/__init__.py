"""The content of panes, without a terminal: places, entries, pages."""
