"""Every file of DIR/1 to DIR/COUNT read by asyncio.to_thread, all at once: wall time of one."""
import asyncio
import sys
import time

folder, count = sys.argv[1], int(sys.argv[2])
paths = [f"{folder}/{i + 1}" for i in range(count)]


def read(path):
    with open(path, "rb") as file:
        return file.read()


async def measure(times):
    start = time.monotonic_ns()
    for _ in range(times):
        for data in await asyncio.gather(*(asyncio.to_thread(read, path) for path in paths)):
            assert len(data) == 4096
    return (time.monotonic_ns() - start) / times / count


async def main():
    await measure(1)
    print(f"ns={await measure(2):.2f}")


asyncio.run(main())
