---@meta lull.process
--
-- Definitions for editors: programs, run beside the script.
--
-- A program is a list: its name, looked for in PATH unless it has a slash, then its arguments; no
-- shell is involved.  One that is not there raises kind `process` with code ENOENT.  Where not
-- everything is allowed, starting one needs the permission `run=NAME` as written here.
--
-- Children get the descriptors 0, 1 and 2 and no others.  Each leads a process group, by which what
-- it has started is ended with it, unless its stdin is "inherit".  Those that run when their object
-- is closed or collected, and at the end of the program, are killed, but for those with `stays`.
-- A program that is itself ended at once (by KILL, a second Ctrl-C, or PIPE) does nothing about its
-- children; one that must follow it in that case, too, is started through `setpriv --pdeathsig
-- KILL`, which the system sees to.

---@class lull.process
local process = {}

--- Where a standard stream of a program leads.
---@alias lull.process.Stdio
---| "inherit"  # where ours does
---| "null"     # nowhere
---| "pipe"     # to us
---| { file: string, append?: boolean }
---| lull.net.Stream

---@class lull.process.StartOptions
---@field cwd? string      the folder it starts in
---@field env? { inherit?: boolean, [string]: string|number|false }  in place of our environment, or
---  with `inherit = true` in it beside that; false: without this one
---@field stdin? lull.process.Stdio   a stream that is given stays ours, too: close it for the end
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

--- Run a program to its end and take what it writes.  When the caller is cancelled the program is
--- ended (TERM, grace, KILL), and waited for.  Raises `process`, `io`, `timeout`, `limit`,
--- `permission`; what comes after the start has the fields `result`, `stdout` and `stderr`: what
--- there was so far.
---@async
---@param argv (string|number)[]
---@param opts? lull.process.RunOptions
---@return lull.process.Result
function process.run(argv, opts) end

--- Run programs, each reading what the one before writes.  The result is that of the last; `stages`
--- has all, `stderr` is that of all.  With `check` each has to end well, or, but for the last, by
--- PIPE.  Raises as `run` does.
---@async
---@param stages table  lists as for `run`; beside them the options of `run`
---@return lull.process.Result
function process.pipeline(stages) end

--- Start a program.  Its standard streams are ours to write and read, unless the options say
--- otherwise: one that is written and never read makes it wait.  Does not suspend.  Raises
--- `process`, `io`, `limit`, `permission`.
---@param argv (string|number)[]
---@param opts? lull.process.OpenOptions
---@return lull.process.Process
function process.open(argv, opts) end

--- The number of this process.
---@return integer
function process.pid() end

--- A process that was started; also a to-be-closed value.
---@class lull.process.Process
---@field stdin? lull.net.Stream
---@field stdout? lull.net.Stream
---@field stderr? lull.net.Stream
---@field pid integer
local Process = {}

--- Wait for its end, in any number of tasks; what it has written can be read after that, too.
--- Raises `closed`; `process`, ECHILD, when the host has waited for it.
---@async
---@return integer? code # nil: it was ended by
---@return string? signal
function Process:wait() end

--- How it has ended, if it has.
---@return boolean over
---@return integer? code
---@return string? signal
function Process:status() end

--- Send a signal, to the process alone, or with `group` to all of its group.
---@param signal? string   a name; "TERM"
---@param opts? { group?: boolean }
---@return boolean sent # false: it is over
function Process:kill(signal, opts) end

--- End it and its group: TERM, and KILL for what is left after `grace` seconds, or of the group
--- when the process has ended.  Does not wait.
---@param grace? number  2
function Process:terminate(grace) end

--- Tell it the size of its terminal.
---@param rows integer
---@param columns integer
function Process:resize(rows, columns) end

--- Close its streams, and kill it if it runs, unless it may stay.
function Process:close() end

return process
