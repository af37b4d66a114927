"""asyncio.sleep(0) with TASKS tasks; OPS switches in all."""
import asyncio
import os
import sys
import time


async def task(turns):
    for _ in range(turns):
        await asyncio.sleep(0)


async def measure(tasks, total):
    turns = total // tasks
    start = time.process_time_ns()
    await asyncio.gather(*(task(turns) for _ in range(tasks)))
    return (time.process_time_ns() - start) / (turns * tasks)


async def main(tasks, ops):
    await measure(tasks, ops // 10)
    print(f"ns={await measure(tasks, ops):.1f}")


if os.environ.get("BENCH_LOOP") == "uvloop":
    import uvloop
    uvloop.install()
asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
