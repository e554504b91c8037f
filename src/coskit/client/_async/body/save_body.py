"""Write a body to a file, which appears only when it is whole, or to a pipe."""

from collections.abc import AsyncIterator

from coskit.client._async.concurrency import async_blocking
from coskit.client.transfer.ordered_writer import write_fully
from coskit.client.transfer.targets.download_target import FileTarget
from coskit.client.transfer.targets.special_files import is_special, open_special


async def save_chunks(path: str, chunks: AsyncIterator[bytes]) -> None:
    """Write the chunks of an iterator to a path.

    A pipe, a device or an open file is written in place as the chunks arrive. Another file is
    replaced when all chunks have arrived: links are followed, owner and permissions are kept.

    Raises:
        OSError: the path cannot be written.
        Exception: the iterator's error; the file is as it was before.
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
