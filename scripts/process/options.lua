--- lull.process.options: options as scripts give them, for lull.process.native.
local check = require "lull.check"

local native = require "lull.process.native"

local options = {}

local function with(known, more)
  for name, kind in pairs(known) do more[name] = kind end
  return more
end

local start <const> = {
  cwd = "string", env = "table", group = "boolean",
  stdin = "any", stdout = "any", stderr = "any",
}

options.open = with(start, { pty = "boolean|table", stays = "boolean" })

options.run = with(start, {
  input = "string", timeout = "seconds", grace = "seconds", max_output = "count",
  to_end = "boolean", check = "boolean",
})

local SIZE <const> = { rows = "count", columns = "count" }

--- The environment: strings, or false for what is not to be there.
local function environment(env)
  if not env then return nil end
  local values <const> = {}
  for name, value in pairs(env) do
    if name ~= "inherit" then
      values[name] = value and (type(value) == "number" and tostring(value) or value)
    end
  end
  return values
end

--- What the native is to start.
---@param opts table     checked
---@param argument integer
---@param name string    of the public function
---@return table
function options.spec(opts, argument, name)
  local pty <const> = opts.pty
  local spec <const> = {
    cwd = opts.cwd,
    env = environment(opts.env),
    inherit = opts.env ~= nil and opts.env.inherit == true,
    stdin = opts.stdin,
    stdout = opts.stdout,
    stderr = opts.stderr,
    stays = opts.stays,
    polls = opts.polls,
  }
  spec.group = opts.group
  if spec.group == nil then spec.group = opts.stdin ~= "inherit" end
  if pty then
    if opts.stdin or opts.stdout or opts.stderr then
      check.fail(argument, name, "pty excludes stdin, stdout and stderr")
    end
    local size <const> = pty == true and {} or pty
    check.options(size, argument, name, SIZE)
    spec.rows, spec.columns = size.rows or 24, size.columns or 80
  end
  return spec
end

--- The list: its strings, and numbers as strings.
---@return string[]
function options.argv(argv)
  local list <const> = {}
  for i = 1, argv.n or #argv do
    local value <const> = argv[i]
    list[i] = type(value) == "number" and tostring(value) or value
    if list[i] == nil then list[i] = false end -- a hole: the native says what is wrong
  end
  return list
end

--- A program and its arguments; many a newcomer has the command line of a shell instead.
---@param value any
---@param name string  of the public function, whose first argument it is
function options.check_argv(value, name)
  if type(value) == "string" then
    check.fail(1, name, 'table expected, got string: { "program", "argument" }, or { "sh", "-c", "a | b" }')
  end
  check.type(value, 1, name, "table")
end

--- Start a program; see lull.process.native.
---@param argv string[]
---@param spec table     of options.spec
---@param argument integer  of the public function, the options
---@param op string      its name, with that of the module
---@return userdata process
---@return lull.net.Stream? stdin
---@return lull.net.Stream? stdout
---@return lull.net.Stream? stderr
function options.spawn(argv, spec, argument, op)
  return check.relay(op:match "%w+$", { 1, argument }, pcall(native.spawn, options.argv(argv), spec, op))
end

--- The programs and the options of a pipeline.
---@return string[][] argvs
---@return table opts
function options.split(stages, name)
  local argvs <const>, opts <const>, count = {}, {}, 0
  for key, value in pairs(stages) do
    if math.type(key) == "integer" then
      options.check_argv(value, name)
      count = count + 1
    else
      opts[key] = value
    end
  end
  for i, argv in ipairs(stages) do argvs[i] = argv end
  if #argvs ~= count then check.fail(1, name, "a stage is missing") end
  if count == 0 then check.fail(1, name, "no program to run") end
  check.options(opts, 1, name, options.run)
  if opts.input and opts.stdin then check.fail(1, name, "input excludes stdin") end
  return argvs, opts
end

return options
