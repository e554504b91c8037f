"""XML documents under a shape, both ways."""
