"""The version, under the vendor's name of its module."""

from coskit._version import __version__

__all__ = ["__version__"]
