"""A plain ASGI application that says hello, on uvicorn."""
import socket

import uvicorn

HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"5")]


async def hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"hello"})


listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(1024)
print(f"port={listener.getsockname()[1]}", flush=True)
config = uvicorn.Config(hello, lifespan="off", access_log=False, log_level="warning")
uvicorn.Server(config).run(sockets=[listener])
