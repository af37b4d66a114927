--- driver.fixtures: what measures need in the folder of the run, made once.
local shell = require "driver.shell"

local fixtures = {}

local function exists(path)
  local file <const> = io.open(path)
  return file ~= nil and file:close()
end

--- key.pem and cert.pem: an elliptic key and a certificate signed by itself.
---@param env bench.Env
---@return string?   why they cannot be had
function fixtures.certificate(env)
  local key <const>, cert <const> = env.tmp .. "/key.pem", env.tmp .. "/cert.pem"
  local command <const> = shell.words("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", "/CN=127.0.0.1",
    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert)
  if not exists(cert) and not shell.succeeds(command) then
    return "openssl makes no certificate"
  end
end

--- Bytes that look like text, the same in every run, and hard to compress.
local function text(size)
  local state, words, length = 1, {}, 0
  while length < size do
    state = (state * 1103515245 + 12345) & 0x7fffffff
    words[#words + 1] = ("%x "):format(state)
    length = length + #words[#words]
  end
  return table.concat(words):sub(1, size)
end

--- www/NAME with that many bytes.
---@param env bench.Env
---@param name string
---@param size integer
function fixtures.page(env, name, size)
  local dir <const> = env.tmp .. "/www"
  if not exists(dir .. "/" .. name) then
    assert(os.execute("mkdir -p " .. shell.quote(dir)))
    local file <const> = assert(io.open(dir .. "/" .. name, "wb"))
    assert(file:write(text(size)))
    assert(file:close())
  end
end

return fixtures
