--- tls_interop_spec.lua: other implementations and programs at the other end.

local lull = require "lull"
local net = require "lull.net"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_tls.lua")
local file, raises = support.file, support.raises

local VERSIONS <const> = { ["TLSv1.2"] = "tls1_2", ["TLSv1.3"] = "tls1_3" }

--- A test that needs a program.
local function with(program, title, fn)
  it(title, function()
    if not support.has(program) then return pending("needs " .. program) end
    fn()
  end)
end

--- A handler that answers one HTTP request.
local function hello(stream)
  local request = stream:read_until("\r\n\r\n")
  if not request then return end
  local body = "hello " .. (stream:tls().peer and stream:tls().peer.subject or "stranger")
  stream:write(("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"):format(#body), body)
end

describe("openssl s_client", function()
  for version, flag in pairs(VERSIONS) do
    with("openssl", "talks to our server by " .. version, function()
      local server <close> = support.server("server", nil, function(stream)
        stream:write("you said: ", stream:read("L"))
      end)
      local output = support.run(("openssl s_client -%s -connect 127.0.0.1:%d -servername server.test "
        .. "-CAfile %s -verify_return_error -quiet"):format(flag, server.port, file "ca.pem"), "hello\n")
      assert.truthy(output:find("you said: hello\n", 1, true), output)
    end)
  end

  with("openssl", "resumes its session with our server", function()
    local server <close> = support.server("server", nil, hello)
    local saved = os.tmpname()
    local command = ("openssl s_client -connect 127.0.0.1:%d -CAfile %s -ign_eof"):format(
      server.port, file "ca.pem")
    local request = "GET / HTTP/1.0\r\n\r\n"
    local first = support.run(command .. " -sess_out " .. saved, request)
    assert.truthy(first:find("hello stranger", 1, true), first)
    local second = support.run(command .. " -sess_in " .. saved, request)
    os.remove(saved)
    assert.truthy(second:find("Reused, TLSv1.3", 1, true), second)
    assert.truthy(second:find("hello stranger", 1, true), second)
  end)

  with("openssl", "gets no renegotiation, and no second chance", function()
    local e
    local server <close> = support.server("server", nil, function(stream)
      e = raises("tls", stream.read, stream)
    end)
    local output = support.run(("openssl s_client -tls1_2 -connect 127.0.0.1:%d -CAfile %s"):format(
      server.port, file "ca.pem"), "R\n")
    assert.truthy(output:find("no renegotiation", 1, true), output)
    support.says(e, "no renegotiation")
  end)

  with("openssl", "may change its keys", function()
    local server <close> = support.server "server"
    local seen = os.tmpname()
    local _ <close> = lull.finally(function() os.remove(seen) end)
    -- each when what came before has been seen, so that no two are read as one
    local output = support.run(("after() { until grep -q $1 %s; do sleep 0.02; done; echo $2; }; "
      .. "{ after ^CONNECTED one; after ^one K; after ^KEYUPDATE two; after ^two; } | "
      .. "openssl s_client -tls1_3 -connect 127.0.0.1:%d -CAfile %s 2>&1 | tee %s"):format(
        seen, server.port, file "ca.pem", seen))
    assert.truthy(output:find("one\n.*KEYUPDATE.*two\n"), output)
  end)
end)

describe("openssl s_server", function()
  --- Run it with these flags, and call fn(port) when it listens.
  local function serving(flags, fn)
    local port = support.free_port()
    local process <close> = support.background(("openssl s_server -accept 127.0.0.1:%d -cert %s -key %s "
      .. "-cert_chain %s -www %s"):format(
        port, file "server.pem", file "server.key", file "inter.crt", flags))
    support.patient(port):close()
    fn(port, process)
  end

  local function status(port, more)
    local s <close> = net.connect("localhost", port, { tls = support.trusting(more) })
    s:write("GET / HTTP/1.0\r\n\r\n")
    return s:read("a"), s:tls()
  end

  for version, flag in pairs(VERSIONS) do
    with("openssl", "answers our client by " .. version, function()
      serving("-" .. flag, function(port)
        local text, seen = status(port)
        assert.truthy(text:find("200 ok", 1, true), text)
        assert.are.equal(version, seen.version)
        local _, again = status(port)
        assert.is_true(again.resumed)
      end)
    end)
  end

  with("openssl", "sees our client's certificate", function()
    serving("-Verify 3 -verify_return_error -CAfile " .. file "ca.pem", function(port)
      local text = status(port, support.identity "client")
      assert.truthy(text:find("CN=client", 1, true), text)
      local e = raises("tls", status, port)
      assert.are.equal("ALERT_CERTIFICATE_REQUIRED", e.code)
    end)
  end)

  with("openssl", "agrees on a protocol with our client", function()
    serving("-alpn h2,http/1.1", function(port)
      local _, seen = status(port, { alpn = { "http/1.1", "x" } })
      assert.are.equal("http/1.1", seen.alpn)
    end)
  end)
end)

describe("nginx", function()
  local CONFIG <const> = [[
    daemon off; master_process off; pid %s/pid; error_log stderr;
    events { }
    http {
      access_log off;
      client_body_temp_path %s/a; proxy_temp_path %s/b; fastcgi_temp_path %s/c;
      uwsgi_temp_path %s/d; scgi_temp_path %s/e;
      server {
        listen 127.0.0.1:%d ssl; server_name server.test;
        ssl_certificate %s; ssl_certificate_key %s;
        ssl_client_certificate %s; ssl_verify_client optional; ssl_protocols TLSv1.2 TLSv1.3;
        location / { return 200 "$ssl_protocol $ssl_client_s_dn $ssl_server_name\n"; }
      }
    }]]

  with("nginx", "answers our client", function()
    local folder = file "nginx"
    os.execute("mkdir -p " .. folder)
    local port = support.free_port()
    local f = assert(io.open(folder .. "/conf", "w"))
    f:write((CONFIG:gsub("%%s", folder, 6):format(port, file "server.pem", file "server.key", file "ca.pem")))
    f:close()
    local process <close> = support.background(("nginx -c %s/conf -e stderr"):format(folder))
    support.patient(port):close()
    local function get(more)
      local s <close> = net.connect("127.0.0.1", port, { tls = support.trusting(more) })
      s:write("GET / HTTP/1.1\r\nHost: server.test\r\nConnection: close\r\n\r\n")
      return s:read("a"):match("\r\n\r\n(.*)\n"), s:tls()
    end
    local body, seen = get { server_name = "server.test" }
    assert.are.equal("TLSv1.3  server.test", body, process.output())
    assert.is_true(seen.verified)
    assert.are.equal("TLSv1.2  server.test", (get { server_name = "server.test", max_version = "TLSv1.2" }))
    local mine = support.identity("client", { server_name = "server.test" })
    assert.are.equal("TLSv1.3 CN=client,O=Test server.test", (get(mine)))
  end)
end)

describe("curl", function()
  with("curl", "gets a page from our server", function()
    local server <close> = support.server(support.identity("server", {
      alpn = "http/1.1", client_ca = file "ca.pem", verify = "optional",
    }), nil, hello)
    local url = ("--silent --show-error --cacert %s --resolve server.test:%d:127.0.0.1 "
      .. "https://server.test:%d/"):format(file "ca.pem", server.port, server.port)
    assert.are.equal("hello stranger", (support.run("curl " .. url)))
    local mine = ("curl --cert %s --key %s "):format(file "client.pem", file "client.key")
    assert.are.equal("hello CN=client,O=Test", (support.run(mine .. url)))
    assert.are.equal("hello stranger", (support.run("curl --tls-max 1.2 " .. url)))
  end)

  with("curl", "refuses our server when it should", function()
    local server <close> = support.server("expired", nil, hello)
    local output, code = support.run(("curl --silent --show-error --cacert %s https://localhost:%d/"):format(
      file "ca.pem", server.port))
    assert.are.equal(60, code, output)
    for _ = 1, 200 do
      if server.failed_handshakes > 0 then break end
      lull.sleep(0.005)
    end
    assert.is_true(server.failed_handshakes > 0)
  end)
end)

describe("Python", function()
  local CLIENT <const> = [[
import socket, ssl, sys
port, ca = int(sys.argv[1]), sys.argv[2]
context = ssl.create_default_context(cafile=ca)
with socket.create_connection(("127.0.0.1", port)) as plain:
    plain.sendall(b"STARTTLS\n")
    assert plain.recv(100) == b"ready\n"
    with context.wrap_socket(plain, server_hostname="server.test") as s:
        s.sendall(b"x" * 3000000)
        total = 0
        while total < 3000000:
            total += len(s.recv(65536))
        print(s.version(), total)
        s.unwrap()
]]

  with("python3", "starts TLS on a stream in use, and ends it well", function()
    local ended
    local server <close> = net.serve({}, function(stream)
      assert(stream:read() == "STARTTLS")
      stream:write("ready\n")
      stream:start_tls(support.identity("server", { server = true }))
      support.echo(stream)
      ended = true
    end)
    local path = os.tmpname()
    local f = assert(io.open(path, "w"))
    f:write(CLIENT)
    f:close()
    local output = support.run(("python3 %s %d %s"):format(path, server.port, file "ca.pem"))
    os.remove(path)
    assert.are.equal("TLSv1.3 3000000\n", output)
    assert.is_true(ended)
  end)
end)
