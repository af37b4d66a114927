"""JSON that comes back, on aiohttp: 25 kinds of things, two routes each."""
import asyncio

from aiohttp import web


async def list_things(request):
    return web.json_response([])


async def echo(request):
    return web.json_response(await request.json())


async def main():
    app = web.Application()
    for kind in range(25):
        app.router.add_get(f"/things{kind}", list_things)
        app.router.add_post(f"/things{kind}/{{id}}", echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(f"port={runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
