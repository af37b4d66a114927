"""N tasks that all sleep at the same time for SECONDS."""
import asyncio
import os
import sys
import time


def peak_kib():
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1])


async def measure(count, delay):
    started, start_time, early = 0, 0.0, False
    began = time.monotonic()

    async def sleeper():
        nonlocal started, start_time, early
        started += 1
        if started == count:
            start_time = time.monotonic() - began
        await asyncio.sleep(delay)
        early = early or started < count

    await asyncio.gather(*(sleeper() for _ in range(count)))
    return start_time, early


async def main(n, seconds):
    await measure(1000, 0.01)
    kib, cpu = peak_kib(), time.process_time_ns()
    start_time, early = await measure(n, seconds)
    cpu, kib = time.process_time_ns() - cpu, peak_kib() - kib
    print(f"ns={cpu / n:.1f} rss={kib * 1024 / n:.1f} start={start_time:.3f} early={early:d}")


if os.environ.get("BENCH_LOOP") == "uvloop":
    import uvloop
    uvloop.install()
asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
