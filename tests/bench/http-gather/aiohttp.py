"""COUNT pages at once, and the end, on aiohttp."""
import asyncio
import sys

import aiohttp


async def fetch(session, url):
    async with session.get(url) as response:
        assert response.status == 200
        return await response.read()


async def main(url, count):
    async with aiohttp.ClientSession() as session:
        pages = await asyncio.gather(*[fetch(session, f"{url}?n={i}") for i in range(count)])
    assert all(len(page) == 30720 for page in pages)


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
