"""The implementation of the vendor's classes over coskit's own client."""
