"""Ping-pong between two tasks over two queues of one: OPS round trips."""
import asyncio
import os
import sys
import time


async def echo(there, back, trips):
    for _ in range(trips):
        await back.put(await there.get())


async def measure(trips):
    there, back = asyncio.Queue(1), asyncio.Queue(1)
    task = asyncio.create_task(echo(there, back, trips))
    start = time.process_time_ns()
    for i in range(trips):
        await there.put(i)
        assert await back.get() == i
    spent = time.process_time_ns() - start
    await task
    return spent / trips


async def main(ops):
    await measure(ops // 10)
    print(f"ns={await measure(ops):.1f}")


if os.environ.get("BENCH_LOOP") == "uvloop":
    import uvloop
    uvloop.install()
asyncio.run(main(int(sys.argv[1])))
