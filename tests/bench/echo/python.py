"""Echo server on asyncio streams."""
import asyncio
import os


async def serve(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    print(f"port={server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if os.environ.get("BENCH_LOOP") == "uvloop":
    import uvloop
    uvloop.install()
asyncio.run(main())
