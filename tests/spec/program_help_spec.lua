--- The help, the manual page and the completions of the program name the same things.

local fs = require "lull.fs"
local process = require "lull.process"
local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support <const> = dofile(here .. "support_program.lua")
local folder = support.folder

local share <const> = process.run({ "pwd" }).stdout:gsub("\n$", "") .. "/core/share"

local function has(program)
  return pcall(process.run, { program, "--version" })
end

--- The help of the program, or of a command of its.
local function help_of(...)
  local result <const> = process.run { support.path, ... }
  assert.equal(0, result.code)
  return result.stdout
end

--- The options of a help, all spellings, and its commands.
local function names_in(text)
  local options <const>, commands <const> = {}, {}
  local list <const> = text:match "\nCommands:\n(.-)\n\n"
  for line in text:gmatch "\n  (%-[^\n]*)" do
    options[#options + 1] = line:match "^(%-%a)%f[%A]"
    options[#options + 1] = line:match "^%-?%a?,? ?(%-%-%a[%a-]*)" or line:match "^(%-%-%a[%a-]*)"
  end
  for name in (list and "\n" .. list or ""):gmatch "\n  (%a+)" do commands[#commands + 1] = name end
  return options, commands
end

local function contains(text, part)
  if not text:find(part, 1, true) then error(("%q is not in: %s"):format(part, text:sub(1, 800)), 2) end
end

describe("the help", function()
  it("is short and fits a terminal", function()
    local lines = 0
    for line in help_of("--help"):gmatch "[^\n]+" do
      lines = lines + 1
      assert.is_true(#line <= 92, line)
    end
    assert.is_true(lines <= 60)
  end)

  it("of a command is what the command says", function()
    local _, commands <const> = names_in(help_of "--help")
    for _, name in ipairs(commands) do
      if name ~= "help" then
        local text <const> = help_of("help", name)
        contains(text, "usage: lull")
        assert.equal(help_of(name, "--help"), text)
      end
    end
    assert.equal(help_of "--help", help_of "help")
  end)
end)

describe("the manual page", function()
  local page <const> = fs.read_file(share .. "/lull.1")

  it("names every option and command", function()
    local options <const>, commands <const> = names_in(help_of "--help")
    for _, name in ipairs(options) do
      contains(page, "\n.It " .. name:gsub("^%-%-", "Fl Fl "):gsub("^%-", "Fl "))
    end
    for _, name in ipairs(commands) do contains(page, "\n.It Cm " .. name) end
  end)

  it("is well formed", function()
    if has "mandoc" then
      local result <const> = process.run { "mandoc", "-Tlint", share .. "/lull.1" }
      local complaints <const> = (result.stdout .. result.stderr):gsub("[^\n]*outdated mandoc.db[^\n]*\n", "")
      assert.equal("", complaints)
    end
    if has "man" then
      local result <const> = process.run { "man", "--warnings", "-E", "UTF-8", "-Tutf8", "-l", share .. "/lull.1" }
      assert.equal("", result.stderr)
    end
  end)
end)

-- ---- completions -----------------------------------------------------------------------------

--- Ways to have each shell complete a line: shells that are asked again and again, in a folder.
local shells <const> = {}

--- A shell at a terminal; `ask` are the keys that show what there is, and then [end].
local function interactive(place, argv, setup, ask)
  local shell <const> = process.open(argv, {
    pty = { columns = 100, rows = 200 }, cwd = place.path,
    env = { inherit = true, PS1 = "", TERM = "dumb", PATH = place.path .. ":" .. os.getenv "PATH", HOME = place.path },
  })
  shell.stdin:write(setup .. '; PS1=; echo REA""DY\n')
  shell.stdout:read_until "READY\r\n"
  return setmetatable({}, {
    __close = function() shell:close() end,
    __call = function(_, line)
      shell.stdin:write("\x15" .. line .. ask)
      local shown <const> = shell.stdout:read_until("[end]"):gsub("\27%[[%d;?]*%a", "")
      return shown:match "\r?\n(.*)" or shown
    end,
  })
end

function shells.bash(place)
  return interactive(place, { "bash", "--norc", "--noprofile", "-i" }, "source " .. share .. "/lull.bash; " .. [[
    bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; bind 'set completion-query-items 0'
    bind 'set page-completions off'; bind '"\C-t": possible-completions'; bind '"\C-o": "[end]"']], "\x14\x0f")
end

function shells.zsh(place)
  return interactive(place, { "zsh", "-f", "-i" }, "stty -echo; fpath=(" .. share .. " $fpath); " .. [[
    autoload -Uz compinit; compinit -u -D; unsetopt zle_bracketed_paste; LISTMAX=0
    show() { zle list-choices; zle -R; print -rn -- "[end]" }; zle -N show; bindkey '^T' show
    bindkey '^U' kill-whole-line; PS1=; RPS1=]], "\x14")
end

function shells.fish(place)
  return setmetatable({}, { __close = function() end, __call = function(_, line)
    local code <const> = "source $argv[1]; complete -C $argv[2]"
    return process.run({ "fish", "--no-config", "-c", code, share .. "/lull.fish", line }, {
      cwd = place.path, env = { inherit = true, PATH = place.path .. ":" .. os.getenv "PATH", HOME = place.path },
    }).stdout
  end })
end

--- What is to be seen, and what not, of a line.
local lines <const> = {
  { "lull ", yes = { "test", "serve", "some.lua", "below" }, no = { "--watch", "other.txt" } },
  { "lull te", yes = { "test" }, no = { "serve", "some.lua" } },
  { "lull --w", yes = { "--watch", "--workers=" }, no = { "--help" } },
  { "lull -", yes = { "--watch", "-E" } },
  { "lull --env-file=ot", yes = { "other.txt" }, no = { "some.lua" } },
  { "lull --env-file ot", yes = { "other.txt" }, no = { "some.lua" } },
  { "lull --allow-read=", yes = { "other.txt", "below" } },
  { "lull --allow-env=LULL_SPE", yes = {} },
  { "lull --allow-run=ful", yes = { "fullname" } },
  { "lull --workers 3 --watch te", yes = { "test" } },
  { "lull --workers=3 te", yes = { "test" } },
  { "lull -e 'x = 1' so", yes = { "some.lua" } },
  { "lull test --fi", yes = { "--filter=", "--filter-out=" }, no = { "--tags", "--watch" } },
  { "lull test so", yes = { "some.lua" } },
  { "lull run ", yes = { "some.lua" }, no = { "serve", "other.txt" } },
  { "lull serve ", yes = { "below" }, no = { "some.lua" } },
  { "lull help se", yes = { "serve" }, no = { "some.lua" } },
  { "lull doc lull.fs.read", yes = { "lull.fs.read_file", "lull.fs.readlink" }, no = { "lull.fs.stat" } },
  { "lull doc lull.lo", yes = { "lull.log" } },
  { "lull bundle --o", yes = { "--output=" } },
  { "lull test --coverage", yes = { "--coverage", "--coverage=", "--coverage-min=" } },
  { "lull some.lua ", yes = { "other.txt" }, no = { "serve" } },
  { "lull some.lua --w", no = { "--watch", "--workers" } },
}

describe("completion for bash", function()
  it("takes set -u, also where nothing fits", function()
    if not has "bash" then return pending "bash is not installed" end
    local place <close> = folder { ["some.lua"] = "" }
    fs.symlink(support.path, place.path .. "/lull")
    for _, words in ipairs { { "--nosuch" }, { "--watch", "--nosuch" }, { "--env-file", "nosuch" }, { "nosuch" },
      { "test", "--nosuch" }, { "help", "x" } } do
      local result <const> = process.run({ "bash", "--norc", "-uc", [[source "$0/lull.bash"; COMP_WORDS=(./lull "$@")
        COMP_CWORD=$#; _lull ./lull "${COMP_WORDS[-1]}" x; echo "${#COMPREPLY[@]}"]], share,
        table.unpack(words) }, { cwd = place.path })
      assert.equal("0\n", result.stdout .. result.stderr)
    end
  end)
end)

describe("completion for fish", function()
  it("shows an option both bare and with a value", function()
    if not has "fish" then return pending "fish is not installed" end
    local place <close> = folder {}
    fs.symlink(support.path, place.path .. "/lull")
    assert.matches("^%-%-coverage[\t\n]", shells.fish(place) "lull test --coverage")
  end)
end)

for name, open in pairs(shells) do
  describe("completion for " .. name, function()
    local function with_shell(fn)
      return function()
        if not has(name) then return pending(name .. " is not installed") end
        local place <close> = folder { ["some.lua"] = "", ["other.txt"] = "" }
        fs.mkdir(place.path .. "/below")
        fs.symlink(support.path, place.path .. "/lull")
        fs.symlink("/bin/true", place.path .. "/fullname")
        local ask <close> = open(place)
        fn(ask)
      end
    end

    it("shows what fits", with_shell(function(ask)
      for _, each in ipairs(lines) do
        local shown <const> = ask(each[1])
        for _, word in ipairs(each.yes or {}) do
          if not shown:find(word, 1, true) then error(("%s: %q is not in %q"):format(each[1], word, shown)) end
        end
        for _, word in ipairs(each.no or {}) do
          if shown:find(word, 1, true) then error(("%s: %q is in %q"):format(each[1], word, shown)) end
        end
      end
    end))

    it("knows every option of the program and of its commands", with_shell(function(ask)
      local options <const>, commands <const> = names_in(help_of "--help")
      local shown = ask "lull -"
      for _, option in ipairs(options) do contains(shown, option) end
      shown = ask "lull "
      for _, command in ipairs(commands) do contains(shown, command) end
      for _, command in ipairs(commands) do
        if command ~= "help" and command ~= "run" then
          shown = ask("lull " .. command .. " -")
          for _, option in ipairs(names_in(help_of(command, "--help"))) do contains(shown, option) end
        end
      end
    end))
  end)
end
