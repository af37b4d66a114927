--- lull.process: programs, run beside the script.
---
--- A program is a list: its name, looked for in PATH unless it has a slash, then its arguments; no
--- shell is involved.  A program that is not there raises kind `process` with code ENOENT.  Where
--- not everything is allowed, starting one needs the permission `run=NAME` as written here; what it
--- then does is not lull's to limit, and its environment can make much of it.
---
--- Children get the descriptors 0, 1 and 2 and no others.  Each leads a process group, by which
--- what it has started is ended with it, unless it shares our standard input: then it has to be in
--- the group that the terminal belongs to.  Those that run when their object is closed or collected,
--- and at the end of the program, are killed, but for those that were started with `stays`.
--- A program that is itself ended by KILL can do nothing about its children; one that must follow it
--- in that case, too, is started through `setpriv --pdeathsig KILL`, which the system sees to.
local batch = require "lull.process.batch"
local check = require "lull.check"
local child = require "lull.process.child"
local native = require "lull.process.native"
local options = require "lull.process.options"

local process = {}

---@alias lull.process.Stdio "inherit"|"null"|"pipe"|{ file: string, append?: boolean }|lull.net.Stream

---@class lull.process.StartOptions
---@field cwd? string      the folder it starts in
---@field env? { inherit?: boolean, [string]: string|number|false }  in place of our environment, or
---  with `inherit = true` in it beside that; false: without this one
---@field stdin? lull.process.Stdio   what the script has not: "inherit", "null", a file, a stream,
---  which stays ours, too
---@field stdout? lull.process.Stdio
---@field stderr? lull.process.Stdio|"stdout"  "stdout": wherever that goes
---@field group? boolean   lead a process group; true, unless stdin is "inherit"

---@class lull.process.OpenOptions: lull.process.StartOptions
---@field pty? boolean|{ rows?: integer, columns?: integer }  at a terminal of its own: stdin and
---  stdout are one stream; 24 rows, 80 columns
---@field stays? boolean   it may outlive the script; false

---@class lull.process.RunOptions: lull.process.StartOptions
---@field input? string       what it reads; else it has nothing to read
---@field timeout? number     seconds; then TERM, after `grace` KILL, and kind `timeout`
---@field grace? number       seconds between TERM and KILL; 2
---@field max_output? integer bytes of each output; past that it is ended and `limit` raised; 64 MiB
---@field to_end? boolean     wait until nobody has the outputs open, whoever inherited them; false:
---  until the process has ended, and take what is there
---@field check? boolean      raise kind `process` unless it ends with code 0

---@class lull.process.Result
---@field code? integer    the exit code; nil when it was ended by a signal
---@field signal? string   the name of that
---@field stdout? string   when it was not sent elsewhere
---@field stderr? string
---@field stages? lull.process.Result[]  of a pipeline, in order

--- Run a program to its end and take what it writes.  When the caller is cancelled the program
--- is ended (TERM, grace, KILL), and waited for.
---
--- Errors that come after it has started have a field `result`: what there was so far.
---@async
---@param argv (string|number)[]
---@param opts? lull.process.RunOptions
---@return lull.process.Result   raises kinds process, io, timeout, limit, permission
function process.run(argv, opts)
  options.check_argv(argv, "run")
  check.options(opts, 2, "run", options.run)
  if opts and opts.input and opts.stdin then check.fail(2, "run", "input excludes stdin") end
  return batch.run({ argv }, opts or {}, "process.run")
end

--- Run programs, each reading what the one before writes.  The result is that of the last;
--- `stages` has all.  With `check` each has to end well, or, but for the last, by PIPE.
---@async
---@param stages table  lists as for `run`; beside them the options of `run`
---@return lull.process.Result   raises kinds process, io, timeout, limit, permission
function process.pipeline(stages, ...)
  if ... ~= nil then check.fail(2, "pipeline", "options belong into the table of stages") end
  check.type(stages, 1, "pipeline", "table")
  local argvs <const>, opts <const> = options.split(stages, "pipeline")
  return batch.run(argvs, opts, "process.pipeline")
end

--- Start a program.  Its standard streams are ours to write and read, unless the options say
--- otherwise: one that is written and never read makes it wait.
---@param argv (string|number)[]
---@param opts? lull.process.OpenOptions
---@return lull.process.Process   raises kinds process, io, limit, permission
function process.open(argv, opts)
  options.check_argv(argv, "open")
  check.options(opts, 2, "open", options.open)
  return child.open(argv, opts or {}, "process.open")
end

--- The number of this process.
---@return integer
function process.pid()
  return native.own_pid()
end

return process
