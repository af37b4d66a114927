"""Fetches URL PAGES times over CONNECTIONS connections, on aiohttp, dropping
every body once it is whole: once to warm up and PASSES times that count."""
import asyncio
import sys
import time

import aiohttp


async def fetch(session, url):
    async with session.get(url) as response:
        assert response.status == 200
        return len(await response.read())


async def fetch_all(session, url, pages, length):
    lengths = await asyncio.gather(*[fetch(session, url) for _ in range(pages)])
    assert all(each == length for each in lengths)


async def main(url, pages, connections, passes):
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector) as session:
        length = await fetch(session, url)
        await fetch_all(session, url, pages, length)
        cpu, wall = time.process_time_ns(), time.monotonic_ns()
        for _ in range(passes):
            await fetch_all(session, url, pages, length)
        count = pages * passes
        print(f"ns={(time.process_time_ns() - cpu) / count:.1f}"
              f" wall={(time.monotonic_ns() - wall) / count:.1f}")


asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
