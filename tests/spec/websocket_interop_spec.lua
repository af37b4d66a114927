--- websocket_interop_spec.lua: the others on the network: Python's websockets and Node's ws.

local lull = require "lull"
local websocket = require "lull.websocket"
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = dofile(here .. "support_ws.lua")
local go, raises = support.go, support.raises

local SIZES <const> = { 0, 1, 125, 126, 65535, 65536, 1000000 }

-- ---- programs: each echoes, and ends with code 4000 when it is sent "close" ----

local PYTHON_SERVER <const> = [[
import asyncio, sys, websockets
async def echo(ws, *rest):
    async for message in ws:
        if message == "close":
            await ws.close(4000, "as you wish")
        elif message == "parts":
            async def parts():
                for part in ("in ", "three ", "parts"): yield part
            await ws.send(parts())
        elif message == "ping":
            await (await ws.ping("hello"))
            await ws.send("pong came")
        else:
            await ws.send(message)
async def main():
    compression = "deflate" if sys.argv[2] == "deflate" else None
    async with websockets.serve(echo, "127.0.0.1", int(sys.argv[1]), max_size=None,
                                compression=compression, subprotocols=["b", "a"]):
        await asyncio.Future()
asyncio.run(main())
]]

local NODE_SERVER <const> = [[
const { WebSocketServer } = require('ws');
const deflate = process.argv[3] === 'deflate';
const server = new WebSocketServer({ port: +process.argv[2], host: '127.0.0.1',
  perMessageDeflate: deflate && { threshold: 0 },
  handleProtocols: (offered) => offered.has('b') ? 'b' : false });
server.on('connection', (ws) => {
  ws.on('pong', (data) => { if (String(data) === 'hello') ws.send('pong came'); });
  ws.on('message', (data, isBinary) => {
    const text = isBinary ? '' : String(data);
    if (text === 'close') return ws.close(4000, 'as you wish');
    if (text === 'ping') return ws.ping('hello');
    if (text === 'parts') {
      for (const part of ['in ', 'three ']) ws.send(part, { fin: false });
      return ws.send('parts', { fin: true });
    }
    ws.send(data, { binary: isBinary });
  });
});
]]

--- Clients connect, do all there is to do, and send a report as their last message.
local PYTHON_CLIENT <const> = [[
import asyncio, sys, websockets
async def main():
    compression = "deflate" if sys.argv[2] == "deflate" else None
    async with websockets.connect("ws://127.0.0.1:%s/" % sys.argv[1], max_size=None,
                                  compression=compression, subprotocols=["a", "b"]) as ws:
        report = "ok"
        for size in (0, 1, 125, 126, 65535, 65536, 1000000):
            for message in ("*" * size, b"\xfe" * size):
                await ws.send(message)
                if await ws.recv() != message: report = "wrong echo of %d" % size
        async def parts():
            for part in ("in ", "three ", "parts"): yield part
        await ws.send(parts())
        if await ws.recv() != "in three parts": report = "wrong parts"
        await asyncio.wait_for(await ws.ping("hello"), 10)
        if ws.subprotocol != "b": report = "wrong protocol"
        await ws.send("report: " + report)
        await ws.close(3001, "done")
asyncio.run(main())
]]

local NODE_CLIENT <const> = [[
const WebSocket = require('ws');
const deflate = process.argv[3] === 'deflate';
const ws = new WebSocket(`ws://127.0.0.1:${process.argv[2]}/`, ['a', 'b'],
  { perMessageDeflate: deflate && { threshold: 0 } });
const next = () => new Promise((resolve) => ws.once('message', (data, binary) => resolve([data, binary])));
ws.on('open', async () => {
  let report = 'ok';
  for (const size of [0, 1, 125, 126, 65535, 65536, 1000000]) {
    for (const binary of [false, true]) {
      const sent = Buffer.alloc(size, '*');
      const answer = next();
      ws.send(sent, { binary });
      const [got, kind] = await answer;
      if (!sent.equals(got) || kind !== binary) report = `wrong echo of ${size}`;
    }
  }
  const whole = next();
  ws.send('in ', { fin: false });
  ws.send('two parts', { fin: true });
  if (String((await whole)[0]) !== 'in two parts') report = 'wrong parts';
  const pong = new Promise((resolve) => ws.once('pong', resolve));
  ws.ping('hello');
  if (String(await pong) !== 'hello') report = 'wrong pong';
  if (ws.protocol !== 'b') report = 'wrong protocol';
  ws.send('report: ' + report);
  ws.close(3001, 'done');
});
]]

local PEERS <const> = {
  { name = "Python's websockets", command = "/usr/bin/python3 peer.py", file = "peer.py",
    needs = "/usr/bin/python3 -c 'import websockets'", missing = "python3-websockets",
    server = PYTHON_SERVER, client = PYTHON_CLIENT },
  { name = "Node's ws", command = "env NODE_PATH=/usr/share/nodejs node peer.js", file = "peer.js",
    needs = "NODE_PATH=/usr/share/nodejs node -e 'require(\"ws\")'", missing = "node-ws",
    server = NODE_SERVER, client = NODE_CLIENT },
}

local function is_there(peer)
  return os.execute(peer.needs .. " >/dev/null 2>&1") == true
end

--- Start a peer's server.
local function serve(peer, mode)
  local temp, port = support.temp_dir(), support.free_port()
  support.write_file(temp.path .. "/" .. peer.file, peer.server)
  local server = support.start(("%s %d %s"):format(peer.command, port, mode), port, temp)
  server.url = ("ws://127.0.0.1:%d/"):format(port)
  return server
end

for _, peer in ipairs(PEERS) do
  for _, mode in ipairs { "plain", "deflate" } do
    local compress = mode == "deflate" and { threshold = 0 } or false

    describe(("a client of %s, %s,"):format(peer.name, mode), function()
      local server

      setup(function()
        if is_there(peer) then server = serve(peer, mode) end
      end)
      teardown(function()
        if server then server:close() end
      end)

      local function with_socket(title, fn)
        it(title, function()
          if not server then return pending("needs " .. peer.missing) end
          local sock <close> = websocket.connect(server.url, { compress = compress, protocols = { "b" } })
          fn(sock)
        end)
      end

      with_socket("sends and receives messages of all sizes", function(sock)
        for _, size in ipairs(SIZES) do
          local text, bytes = ("*"):rep(size), ("\xfe\1"):rep(size // 2)
          local sending = go(function()
            sock:send(text)
            sock:send_binary(bytes)
          end)
          local got, kind = sock:recv()
          assert.is_true(got == text)
          assert.are.equal("text", kind)
          got, kind = sock:recv()
          assert.is_true(got == bytes)
          assert.are.equal("binary", kind)
          sending:await()
        end
      end)
      with_socket("receives fragments", function(sock)
        sock:send "parts"
        assert.are.equal("in three parts", (sock:recv()))
      end)
      with_socket("agrees on a protocol", function(sock)
        assert.are.equal("b", sock.protocol)
      end)
      with_socket("answers pings and gets pongs", function(sock)
        sock:send "ping"
        assert.are.equal("pong came", (sock:recv()))
        local receiving = go(pcall, sock.recv, sock)
        assert.is_true(sock:ping("x", 10) < 10)
        sock:close()
        receiving:await()
      end)
      with_socket("is closed", function(sock)
        sock:send "close"
        local e = raises("closed", sock.recv, sock)
        assert.are.equal(4000, e.code)
        assert.are.equal("as you wish", e.reason)
      end)
      with_socket("closes", function(sock)
        sock:close(3500, "enough")
        assert.are.equal(3500, sock.close_code)
      end)
    end)

    describe(("a server of %s, %s,"):format(peer.name, mode), function()
      it("does all that there is to do", function()
        if not is_there(peer) then return pending("needs " .. peer.missing) end
        local report, e = lull.future(), lull.future()
        local server <close> = support.serve({ compress = compress, protocols = { "b" } }, function(sock)
          local ok, err = pcall(function()
            while true do
              local message, kind = sock:recv()
              if message:find "^report" then
                report:set(message)
              elseif kind == "text" then
                sock:send(message)
              else
                sock:send_binary(message)
              end
            end
          end)
          e:set(not ok and err)
        end)
        local temp <close> = support.temp_dir()
        support.write_file(temp.path .. "/" .. peer.file, peer.client)
        os.execute(("cd %s && timeout -k 1 60 %s %d %s >output 2>&1 </dev/null &"):format(
          temp.path, peer.command, server.port, mode))
        local in_time = lull.move_on_after(50, report.await, report)
        assert(in_time, support.read_file(temp.path .. "/output"))
        assert.are.equal("report: ok", report:await())
        local err = e:await()
        assert.are.equal("closed", err.kind)
        assert.are.equal(3001, err.code)
        assert.are.equal("done", err.reason)
      end)
    end)
  end
end
