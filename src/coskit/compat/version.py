"""The version, under the vendor's name of its module."""

from coskit import __version__

__all__ = ["__version__"]
