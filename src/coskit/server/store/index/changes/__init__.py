"""Changes to the index, one module for each kind of object."""
