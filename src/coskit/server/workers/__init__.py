"""Worker processes and what runs beside requests."""
