"""Upload and download 100 objects concurrently."""

import asyncio
import os

from coskit import AsyncClient

bucket = os.environ["EXAMPLE_BUCKET"]


async def round_trip(client: AsyncClient, number: int) -> int:
    key, content = f"async/{number:03}", bytes([number]) * 1000 * number
    await client.put_object(bucket, content, key, EnableMD5=True)
    response = await client.get_object(bucket, key)
    assert await response["Body"].read() == content
    return len(content)


async def main() -> None:
    async with AsyncClient() as client:
        sizes = await asyncio.gather(*(round_trip(client, number) for number in range(100)))
        print(len(sizes), "objects,", sum(sizes), "bytes uploaded and downloaded unchanged")


asyncio.run(main())
