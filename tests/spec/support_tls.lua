--- support_tls.lua: what the specs of lull.tls share: certificates of every kind, and peers.

local lull = require "lull"
local net = require "lull.net"

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = setmetatable({}, { __index = dofile(here .. "support_net.lua") })

-- Certificates ----------------------------------------------------------------------------------

--- A root, an intermediate authority, and leaves.  NAME.pem is a certificate with what has to be
--- sent along, NAME.key its key.
local SCRIPT <const> = [==[
set -e
cd "$1"
export RANDFILE=/dev/null
cat > ca.cnf <<'END'
[root]
database = root.txt
serial = root.srl
unique_subject = no
[inter]
database = inter.txt
serial = inter.srl
unique_subject = no
[ca]
default_ca = inter
[req]
distinguished_name = dn
prompt = no
[dn]
CN = unnamed
[policy]
organizationName = optional
commonName = supplied
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[client]
basicConstraints = CA:false
extendedKeyUsage = clientAuth
[noname]
basicConstraints = CA:false
END
for ca in root inter; do
  : > $ca.txt
  echo 1000 > $ca.srl
done

key() { # NAME: an EC key and a request
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config ca.cnf \
    -subj "/O=Test/CN=$2" -keyout $1.key -out $1.csr
}
rsa() { # NAME CN BITS
  openssl req -new -newkey rsa:$3 -nodes -config ca.cnf -subj "/O=Test/CN=$2" \
    -keyout $1.key -out $1.csr
}
sign() { # NAME CA EXTENSIONS START END MD
  openssl ca -batch -notext -config ca.cnf -name $2 -policy policy -outdir . -rand_serial \
    -cert $2.crt -keyfile $2.key -md ${6:-sha256} -in $1.csr -out $1.crt -extensions $3 \
    ${7:+-extfile $7} -startdate ${4:-20200101000000Z} -enddate ${5:-20500101000000Z}
  cat $1.crt $2.crt > $1.pem
}
names() { # NAME SAN: a file of extensions
  printf '[leaf]\nbasicConstraints=CA:false\nsubjectAltName=%s\n' "$2" > $1.ext
}
leaf() { # NAME CN SAN START END MD
  names $1 "$3"
  sign $1 inter leaf "$4" "$5" "$6" $1.ext
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config ca.cnf -days 9000 \
  -subj "/O=Test/CN=Root" -keyout root.key -out root.crt -extensions authority
key inter Intermediate
sign inter root authority
cp root.crt ca.pem

HOST=DNS:server.test,DNS:localhost,IP:127.0.0.1,IP:::1
key server server.test;   leaf server server.test $HOST
rsa rsa server.test 2048; leaf rsa server.test $HOST
key other other.test;     leaf other other.test DNS:other.test
key wild wild.test;       leaf wild wild.test 'DNS:*.wild.test,DNS:wild.test'
key expired localhost;    leaf expired localhost $HOST 20200101000000Z 20210203040506Z
key future localhost;     leaf future localhost $HOST 20490203040506Z
key revoked localhost;    leaf revoked localhost $HOST
rsa weakkey localhost 1024; leaf weakkey localhost $HOST
cp rsa.key weaksig.key; cp rsa.csr weaksig.csr; leaf weaksig localhost $HOST '' '' sha1
key client client;        sign client inter client
key noname noname.test;   sign noname inter noname
key purpose localhost
printf '[leaf]\nbasicConstraints=CA:false\nextendedKeyUsage=clientAuth\nsubjectAltName=%s\n' $HOST > p.ext
sign purpose inter leaf '' '' '' p.ext
openssl ca -config ca.cnf -name inter -cert inter.crt -keyfile inter.key -md sha256 -revoke revoked.crt
openssl ca -config ca.cnf -name inter -cert inter.crt -keyfile inter.key -md sha256 -gencrl \
  -crldays 9000 -out crl.pem
openssl ca -config ca.cnf -name inter -cert inter.crt -keyfile inter.key -md sha256 -gencrl \
  -crl_lastupdate 20200101000000Z -crl_nextupdate 20210101000000Z -out oldcrl.pem
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config ca.cnf -days 9000 \
  -subj "/O=Test/CN=localhost" -addext "subjectAltName=$HOST" -keyout self.key -out self.pem
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config ca.cnf -days 9000 \
  -subj "/O=Test/CN=Rogue" -keyout rogue.key -out rogue.pem
openssl pkey -in server.key -aes256 -passout pass:secret -out locked.key
cp server.crt alone.pem
cat server.pem server.key > both.pem
]==]

--- Where the certificates are.  Made when first needed, gone with the Lua state.
local folder = setmetatable({}, { __gc = function(self)
  if self.path then os.execute("rm -rf '" .. self.path .. "'") end
end })

--- The path of a file there.
function support.file(name)
  if not folder.path then
    local pipe = assert(io.popen("mktemp -d"))
    folder.path = pipe:read("l")
    pipe:close()
    local script = io.open(folder.path .. "/make.sh", "w")
    script:write(SCRIPT)
    script:close()
    local log = folder.path .. "/log"
    if not os.execute(("sh '%s/make.sh' '%s' > '%s' 2>&1"):format(folder.path, folder.path, log)) then
      local text = io.open(log):read("a")
      folder.path = nil
      error("no certificates could be made:\n" .. text)
    end
  end
  return folder.path .. "/" .. name
end
local file = support.file

--- What is in a file there.
function support.text(name)
  local f <close> = assert(io.open(file(name)))
  return f:read("a")
end

--- Options of a server with the certificate of this name.
function support.identity(name, more)
  local opts = { cert = file(name .. ".pem"), key = file(name .. ".key") }
  for key, value in pairs(more or {}) do opts[key] = value end
  return opts
end

--- Options of a client that trusts the root.
function support.trusting(more)
  local opts = { ca_file = file "ca.pem" }
  for key, value in pairs(more or {}) do opts[key] = value end
  return opts
end

--- Expect that an error's message has this part.
function support.says(e, part)
  if not e.message:find(part, 1, true) then
    error(("expected '%s' in: %s"):format(part, e.message), 2)
  end
end

-- Peers of our own ---------------------------------------------------------------------------------

--- A handler that sends back what it reads.
function support.echo(stream)
  for piece in function() return stream:read_some() end do stream:write(piece) end
end

--- A server that echoes, of this certificate or with these options.
function support.server(identity, more, handler)
  local opts = { tls = type(identity) == "string" and support.identity(identity) or identity }
  for key, value in pairs(more or {}) do opts[key] = value end
  return net.serve(opts, handler or support.echo)
end

--- Connect to a server as localhost.
function support.connect(server, more)
  return net.connect("localhost", server.port, { tls = support.trusting(more) })
end

--- Connecting must fail: the error.
function support.refused(server, more)
  return support.raises("tls", support.connect, server, more)
end

--- Two streams that shake hands with each other, one of them accepting; the handshakes' outcomes are
--- { ok, error }.  Both are closed at the end.
function support.shaken(one, other, client, server)
  local function try(stream, opts)
    return function() return table.pack(pcall(stream.start_tls, stream, opts)) end
  end
  local settings = { server = true }
  for key, value in pairs(server or support.identity "server") do settings[key] = value end
  local outcomes = lull.gather {
    try(one, client or support.trusting { server_name = "localhost" }), try(other, settings),
  }
  return outcomes[1], outcomes[2]
end

--- Two connected streams with TLS, and a value that closes both.
function support.tls_pair(client, server)
  local one, other, closer = support.pair()
  local first, second = support.shaken(one, other, client, server)
  if not first[1] then error(first[2], 0) end
  if not second[1] then error(second[2], 0) end
  return one, other, closer
end

-- Peers that are programs ------------------------------------------------------------------------------

--- Is there such a program?
function support.has(program)
  return os.execute("command -v " .. program .. " > /dev/null 2>&1") and true
end

--- Start a command in the background; returns a value that ends it, with `output()`.
function support.background(command)
  local log = os.tmpname()
  local pipe = assert(io.popen(("{ exec %s; } > '%s' 2>&1 < /dev/null & echo $!"):format(command, log)))
  local pid = pipe:read("l")
  pipe:close()
  local process = { pid = pid }
  function process.output()
    local f <close> = assert(io.open(log))
    return f:read("a")
  end
  return setmetatable(process, { __close = function()
    os.execute("kill " .. pid .. " 2> /dev/null")
    os.remove(log)
  end })
end

--- Run a command to its end, while the loop goes on; returns its output and exit code.
function support.run(command, input)
  local path = os.tmpname()
  local given <close> = assert(io.open(path, "w"))
  given:write(input or "")
  given:flush()
  os.remove(path .. ".done")
  local quoted = command:gsub("'", "'\\''")
  -- A line for the code, whatever the output ends in.
  os.execute(("{ { timeout 50 sh -c '%s'; code=$?; echo; echo $code; } > %s.out 2>&1 < %s; "
    .. "mv %s.out %s.done; } &"):format(quoted, path, path, path, path))
  local output
  repeat
    lull.sleep(0.005)
    local done <close> = io.open(path .. ".done")
    output = done and done:read("a")
  until output
  os.remove(path)
  os.remove(path .. ".done")
  local text, code = output:match("^(.*)\n(%d+)\n$")
  return text, tonumber(code)
end

--- A port that nobody uses now.
function support.free_port()
  local listener <close> = net.listen {}
  return listener.port
end

--- Connect to a port as soon as somebody listens there.
function support.patient(port)
  for _ = 1, 500 do
    local ok, stream = pcall(net.connect, "127.0.0.1", port)
    if ok then return stream end
    lull.sleep(0.01)
  end
  error("nobody listens on port " .. port)
end

return support
