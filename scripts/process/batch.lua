--- lull.process.batch: one program or several in a row, run to their end.
---
--- The end of a process and the end of its output are two things: what it has started may have the
--- pipes open for ever.  When a process has ended all that it wrote is in its pipes; so readers are
--- then stopped, and what is there is taken without waiting.
local lull = require "lull"
local native = require "lull.process.native"
local options = require "lull.process.options"
local pipes = require "lull.net.native"

local batch = {}

local GRACE <const> = 2
local MAX_OUTPUT <const> = 64 * 1024 * 1024

--- One output of one stage, on its way to us.
---@class lull.process.Output
---@field stage integer
---@field name "stdout"|"stderr"
---@field stream lull.net.Stream
---@field parts string[]
---@field size integer
---@field ended boolean

---@class lull.process.Batch
---@field op string
---@field opts table
---@field grace number
---@field most integer
---@field children userdata[]
---@field outputs lull.process.Output[]
---@field between lull.net.Stream[]  pipes that are the children's
---@field stdin? lull.net.Stream
---@field input? string    not yet written
---@field flooded? lull.process.Output  it brought too much
---@field readers? lull.Task[]  nil: the processes run still
local Batch <const> = {}
Batch.__index = Batch

--- Those that run are ended and waited for, whatever has happened.
---@async
function Batch:__close()
  local running
  for _, child in ipairs(self.children) do
    if not child:status() then
      running = true
      child:terminate(self.grace)
    end
  end
  if running then
    lull.shield(function()
      for _, child in ipairs(self.children) do child:wait() end
    end)
  end
  if self.stdin then self.stdin:abort() end
  for _, stream in ipairs(self.between) do stream:close() end
  for _, output in ipairs(self.outputs) do output.stream:abort() end
end

---@param self lull.process.Batch
local function terminate(self)
  for _, child in ipairs(self.children) do child:terminate(self.grace) end
end

--- When the processes have ended.
---@param self lull.process.Batch
local function stop_reading(self)
  for _, reader in ipairs(self.readers or {}) do reader:cancel() end
end

---@param self lull.process.Batch
---@param output lull.process.Output
local function add(self, output, piece)
  output.parts[#output.parts + 1] = piece
  output.size = output.size + #piece
  if output.size > self.most and not self.flooded then
    self.flooded = output
    terminate(self)
    stop_reading(self)
  end
end

--- Read until the end; past the limit only to let the process end.
---@async
---@param self lull.process.Batch
---@param output lull.process.Output
local function read(self, output)
  local stream <const> = output.stream
  repeat
    local piece <const> = stream:read_some()
    if piece and not self.flooded then add(self, output, piece) end
  until not piece
  output.ended = true
end

--- Write the input.  A process need not read it: that its end is closed is no error.
---@async
---@param self lull.process.Batch
local function feed(self)
  local input <const> = self.input
  self.input = nil
  local ok, err = pcall(self.stdin.write, self.stdin, input)
  if ok then ok, err = pcall(self.stdin.shutdown, self.stdin) end
  self.stdin:close()
  if not ok and not (lull.is_error(err, "io") and err.code == "EPIPE") then error(err, 0) end
end

--- Wait for the end of all of them, reading and writing.
---@async
---@param self lull.process.Batch
---@param to_end boolean?
local function finish(self, to_end)
  lull.group(function(group)
    local writer <const> = self.input and group:spawn(feed, self)
    local readers <const> = {}
    for _, output in ipairs(self.outputs) do
      if not output.ended then readers[#readers + 1] = group:spawn(read, self, output) end
    end
    for _, child in ipairs(self.children) do child:wait() end
    if writer then writer:cancel() end
    self.readers = readers -- who comes later with too much stops them, too
    if not to_end or self.flooded then stop_reading(self) end
  end)
end

--- Take what is left in the pipes.
---@param self lull.process.Batch
local function drain(self)
  for _, output in ipairs(self.outputs) do
    local room <const> = self.most - output.size
    if not output.ended and not self.flooded then
      local rest <const> = native.drain(output.stream, room)
      if rest ~= "" then add(self, output, rest) end
    end
  end
end

---@param self lull.process.Batch
---@return lull.process.Result
local function result_of(self)
  local stages <const> = {}
  for i, child in ipairs(self.children) do
    local _, code <const>, signal <const> = child:status()
    stages[i] = { code = code, signal = signal }
  end
  for _, output in ipairs(self.outputs) do
    stages[output.stage][output.name] = table.concat(output.parts):sub(1, self.most)
  end
  local result <const> = stages[#stages]
  if #stages == 1 then return result end
  local errors <const> = {}
  for _, stage in ipairs(stages) do errors[#errors + 1] = stage.stderr end
  return {
    code = result.code, signal = result.signal, stdout = result.stdout,
    stderr = errors[1] and table.concat(errors), stages = stages,
  }
end

---@param self lull.process.Batch
local function fail(self, kind, message, result)
  error(lull.new_error(kind, message, {
    op = self.op, result = result, stdout = result.stdout, stderr = result.stderr,
  }), 0)
end

--- How a stage has failed, with the last line that it wrote to stderr.
local function describe(argv, stage)
  local how <const> = stage.signal and "was ended by " .. stage.signal or "ended with code " .. stage.code
  local line <const> = (stage.stderr or ""):match "([^\n]*%S[^\n]*)%s*$"
  return ("%s %s%s"):format(argv[1], how, line and ": " .. line:sub(1, 200) or "")
end

---@param self lull.process.Batch
local function check_stages(self, argvs, result)
  local stages <const> = result.stages or { result }
  for i, stage in ipairs(stages) do
    local good <const> = stage.code == 0 or stage.signal == "PIPE" and i < #stages
    if not good then fail(self, "process", describe(argvs[i], stage), result) end
  end
end

---@param self lull.process.Batch
local function start(self, argvs)
  local opts <const>, last <const> = self.opts, #argvs
  local before
  for i, argv in ipairs(argvs) do
    local spec <const> = options.spec(opts, last == 1 and 2 or 1, self.op:match "%w+$")
    spec.stdin = before or spec.stdin or self.input and "pipe" or "null"
    if i < last then
      before, spec.stdout = pipes.pipe()
      table.insert(self.between, before)
      table.insert(self.between, spec.stdout)
    end
    local child <const>, stdin <const>, stdout <const>, stderr <const> =
      options.spawn(argv, spec, last == 1 and 2 or 1, self.op)
    self.children[i] = child
    self.stdin = self.stdin or stdin
    if i > 1 then spec.stdin:close() end
    if i < last then spec.stdout:close() end
    for name, stream in pairs { stdout = stdout or false, stderr = stderr or false } do
      if stream then
        self.outputs[#self.outputs + 1] =
          { stage = i, name = name, stream = stream, parts = {}, size = 0, ended = false }
      end
    end
  end
end

--- Run them.
---@async
---@param argvs string[][]
---@param opts lull.process.RunOptions  checked
---@param op string
---@return lull.process.Result
function batch.run(argvs, opts, op)
  local self <close> = setmetatable({
    op = op, opts = opts, grace = opts.grace or GRACE, most = opts.max_output or MAX_OUTPUT,
    children = {}, outputs = {}, between = {}, input = opts.input,
  }, Batch)
  start(self, argvs)
  if self.stdin and not self.input then self.stdin:close() end
  local in_time = true
  if opts.timeout then
    in_time = lull.move_on_after(opts.timeout, finish, self, opts.to_end)
  else
    finish(self, opts.to_end)
  end
  if not in_time then
    terminate(self)
    if self.stdin then self.stdin:abort() end
    finish(self)
  end
  drain(self)
  local result <const> = result_of(self)
  if not in_time then
    fail(self, "timeout", ("%s ran for more than %s s"):format(argvs[1][1], opts.timeout), result)
  end
  if self.flooded then
    fail(self, "limit", ("more than %d bytes of %s"):format(self.most, self.flooded.name), result)
  end
  if opts.check then check_stages(self, argvs, result) end
  return result
end

return batch
