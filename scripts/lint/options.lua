--- lull.lint.options: the command line of `lull check`.
local unknown = require "lull.program.unknown"

local options = {}

options.usage = [[
usage: lull check [options] [paths]

Look for mistakes in scripts: in files, and in folders (the current one) with all below
them; "-" is standard input.  Reads .luacheckrc and comments as luacheck does.

  --format=FORMAT    text (file:line:column: message (code)), or json
  --strict           tell of calls that hold up all tasks, too: os.execute, io.popen ...
  --config=FILE      read this in place of .luacheckrc
  --no-config        read no .luacheckrc
  --filename=NAME    what standard input is called
  -q, --quiet        no line that counts
  -h, --help         show this text

Exit codes: 0, 1 when something was found, 2 when something could not be looked at.
Codes from 901 on are ours, the others luacheck's: 901 no such function, 902 too few
arguments, 903 too many, 904 no such option, 905 a wrong ":" or ".", 911 see --strict.
`-- luacheck: ignore 903` in a line keeps one quiet there.
]]

---@class lull.lint.Options
---@field paths string[]
---@field text? string       in place of files
---@field filename? string   what that is called
---@field stdin? boolean
---@field format? "text"|"json"
---@field strict? boolean
---@field config? string
---@field no_config? boolean
---@field quiet? boolean
---@field help? boolean

local FLAGS <const> = {
  ["--strict"] = "strict", ["--no-config"] = "no_config", ["-q"] = "quiet", ["--quiet"] = "quiet",
  ["-h"] = "help", ["--help"] = "help",
}
local VALUES <const> = { ["--format"] = "format", ["--config"] = "config", ["--filename"] = "filename" }

--- Read a command line.
---@param arguments string[]
---@return lull.lint.Options?
---@return string? why  not
function options.parse(arguments)
  local opts <const> = { paths = {} }
  local i, only_paths = 1, false
  while arguments[i] do
    local argument <const> = arguments[i]
    local name <const>, value = argument:match "^(%-%-[^=]*)=(.*)$"
    if only_paths or argument == "-" or argument:sub(1, 1) ~= "-" then
      table.insert(opts.paths, argument)
    elseif argument == "--" then
      only_paths = true
    elseif FLAGS[argument] then
      opts[FLAGS[argument]] = true
    elseif VALUES[name or argument] then
      if not name then
        i = i + 1
        value = arguments[i]
      end
      if not value then return nil, argument .. " needs a value" end
      opts[VALUES[name or argument]] = value
    else
      return nil, unknown("lull check", argument, FLAGS, VALUES)
    end
    i = i + 1
  end
  if opts.format and opts.format ~= "text" and opts.format ~= "json" then
    return nil, "--format is text or json"
  end
  for _, path in ipairs(opts.paths) do opts.stdin = opts.stdin or path == "-" and not only_paths end
  if opts.stdin and #opts.paths > 1 then return nil, "standard input goes alone" end
  if #opts.paths == 0 then opts.paths = { "." } end
  return opts
end

return options
