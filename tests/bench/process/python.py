"""/bin/true with its output taken, OPS times: wall time of one."""
import asyncio
import sys
import time


async def run():
    child = await asyncio.create_subprocess_exec(
        "/bin/true", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE)
    await child.communicate()
    assert child.returncode == 0


async def measure(total):
    start = time.monotonic_ns()
    for _ in range(total):
        await run()
    return (time.monotonic_ns() - start) / total


async def main():
    ops = int(sys.argv[1])
    await measure(ops // 10 + 1)
    print(f"ns={await measure(ops):.2f}")


asyncio.run(main())
