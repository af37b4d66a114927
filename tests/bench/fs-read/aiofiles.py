"""Every file of DIR/1 to DIR/COUNT read by aiofiles, 100 at once: wall time of one."""
import asyncio
import sys
import time

import aiofiles

folder, count = sys.argv[1], int(sys.argv[2])


async def read_some(paths):
    for path in paths:
        async with aiofiles.open(path, "rb") as file:
            assert len(await file.read()) == 4096


async def measure():
    start = time.monotonic_ns()
    paths = iter([f"{folder}/{i + 1}" for i in range(count)])
    await asyncio.gather(*(read_some(paths) for _ in range(100)))
    return (time.monotonic_ns() - start) / count


print(f"ns={asyncio.run(measure()):.2f}")
