"""asyncio.gather of 100 trivial tasks, again and again: OPS tasks in all.

FORM is "tasks" (gather of created tasks) or "functions" (gather makes them of
coroutines).
"""
import asyncio
import os
import sys
import time

WIDTH = 100


async def child():
    return 1


async def spawned():
    return await asyncio.gather(*[asyncio.create_task(child()) for _ in range(WIDTH)])


async def functions():
    return await asyncio.gather(*[child() for _ in range(WIDTH)])


async def measure(run, total):
    rounds = total // WIDTH
    start = time.process_time_ns()
    for _ in range(rounds):
        assert len(await run()) == WIDTH
    return (time.process_time_ns() - start) / (rounds * WIDTH)


async def main(form, ops):
    run = functions if form == "functions" else spawned
    await measure(run, ops // 10)
    print(f"ns={await measure(run, ops):.1f}")


if os.environ.get("BENCH_LOOP") == "uvloop":
    import uvloop
    uvloop.install()
asyncio.run(main(sys.argv[1], int(sys.argv[2])))
