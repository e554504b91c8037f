"""Writing chunks to a file, which appears only when all of them are there, or to a pipe."""

from collections.abc import AsyncIterator

from coskit.client._async.concurrency import async_blocking
from coskit.client.transfer.download_target import FileTarget, is_special, open_special
from coskit.client.transfer.ordered_writer import write_fully


async def save_chunks(path: str, chunks: AsyncIterator[bytes]) -> None:
    """Write everything that an iterator yields where a path leads.

    A pipe or a device is written to as the chunks come. A file is replaced when they all have come:
    links are followed, and one that is replaced hands down its owner and its permissions.

    Raises:
        OSError: it cannot be written.
        Exception: what the iterator raised; a file of that name is as it was before.
    """
    if is_special(path):
        with await async_blocking(open_special, path) as file:
            async for chunk in chunks:
                await async_blocking(write_fully, file, [chunk])
        return
    target = FileTarget(path)
    try:
        await async_blocking(target.begin, 0, {})
        section = target.section(0, 0)
        try:
            async for chunk in chunks:
                await async_blocking(section.write, [chunk])
        finally:
            section.close()
        await async_blocking(target.finish)
    except BaseException:
        target.discard()
        raise
