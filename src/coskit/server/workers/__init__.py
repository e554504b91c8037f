"""Worker processes, their supervisor, and the lifecycle job."""
