"""FROM copied to TO, 256 KiB at a time, by asyncio.to_thread: wall time of all."""
import asyncio
import sys
import time


async def main():
    start = time.monotonic_ns()
    with open(sys.argv[1], "rb", buffering=0) as source, \
            open(sys.argv[2], "wb", buffering=0) as target:
        while chunk := await asyncio.to_thread(source.read, 256 * 1024):
            await asyncio.to_thread(target.write, chunk)
    print(f"ns={time.monotonic_ns() - start}")


asyncio.run(main())
