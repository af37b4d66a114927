"""HTTP server of the files of a folder, on aiohttp."""
import asyncio
import sys

from aiohttp import web


async def main(folder):
    app = web.Application()
    app.router.add_static("/", folder)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(f"port={runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


asyncio.run(main(sys.argv[1] + "/www"))
