"""JSON that comes back, on FastAPI: 25 kinds of things, two routes each."""
import socket

import uvicorn
from fastapi import FastAPI

app = FastAPI()


async def list_things():
    return []


async def echo(id: str, thing: dict):
    return thing


for kind in range(25):
    app.get(f"/things{kind}")(list_things)
    app.post(f"/things{kind}/{{id}}")(echo)

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(1024)
print(f"port={listener.getsockname()[1]}", flush=True)
config = uvicorn.Config(app, access_log=False, log_level="warning")
uvicorn.Server(config).run(sockets=[listener])
