"""All exceptions of coskit, with one class for each error code of the service."""

from coskit.client.directory.result import DirectoryTransferError
from coskit.protocol import errors as _tree
from coskit.protocol.errors import *  # noqa: F403 - a class for each error code

__all__ = sorted(
    {
        DirectoryTransferError.__name__,
        *(
            name
            for name, value in vars(_tree).items()
            if isinstance(value, type) and issubclass(value, _tree.CosException)
        ),
    }
)


def __dir__() -> list[str]:
    return __all__
