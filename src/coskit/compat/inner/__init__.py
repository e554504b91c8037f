"""How the vendor's classes are built on coskit's own client."""
