"""Files that hold object bytes."""
