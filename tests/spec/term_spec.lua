--- lull.term.  What needs a terminal runs in a program under `script`, which gives it one.
local lull = require "lull"
local process = require "lull.process"
local term = require "lull.term"

local program <const> = (os.getenv "LULL_BUILD" or "build") .. "/lull"

--- Run a shell command; return what it writes to both streams.
local function shell(command)
  local pipe <const> = assert(io.popen("(" .. command .. ") 2>&1"))
  local output <const> = pipe:read "a"
  pipe:close()
  return output
end

--- Write a script to a file, which is removed with the returned value.
local function script_file(source)
  local path <const> = os.tmpname()
  local file <const> = assert(io.open(path, "w"))
  file:write('local lull, term = require "lull", require "lull.term"\n', source)
  file:close()
  return path, lull.finally(function() os.remove(path) end)
end

--- Run a script without a terminal; `environment` as for env(1).
local function plain(source, environment)
  local path <const>, _ <close> = script_file(source)
  return shell(("env -u FORCE_COLOR -u NO_COLOR %s timeout 50 '%s' %s </dev/null"):format(environment or "",
    program, path))
end

--- Run a script on a terminal of 40 columns; return what it shows, its lines ended by "\n".  `input`
--- is shell code that types; in it `after text` waits until that is shown.
local function shown(source, environment, input)
  local path <const>, _ <close> = script_file(source)
  local record <const> = os.tmpname()
  local _ <close> = lull.finally(function() os.remove(record) end)
  local inner <const> = ("stty cols 40 rows 8; exec env -u FORCE_COLOR -u NO_COLOR -u COLORTERM "
    .. "TERM=xterm %s timeout 50 %s %s"):format(environment or "", program, path)
  local output <const> = shell(('after() { for i in $(seq 2000); do grep -q "$1" %s && break; sleep 0.02; done; }; '
    .. "%s | timeout 50 script -qefc '%s' %s"):format(record, input or "sleep 0", inner, record))
  return (output:gsub("\r\n", "\n"))
end

--- What is on a screen after it was sent this: a list of lines.
local function screen_of(output)
  local lines <const>, row, column = { "" }, 1, 1
  local at = 1
  while at <= #output do
    local up <const> = output:match("^\27%[(%d+)A", at)
    local char <const> = output:match("^" .. utf8.charpattern, at)
    if up then
      row = row - up
      at = at + #up + 3
    elseif output:find("^\27%[J", at) then
      lines[row] = lines[row]:sub(1, column - 1)
      for i = row + 1, #lines do lines[i] = nil end
      at = at + 3
    elseif char == "\r" then
      column, at = 1, at + 1
    elseif char == "\n" then
      row, column, at = row + 1, 1, at + 1
      lines[row] = lines[row] or ""
    else
      lines[row] = lines[row]:sub(1, column - 1) .. char .. lines[row]:sub(column + 1)
      column, at = column + #char, at + #char
    end
  end
  return lines
end

after_each(function() term.use_colors(nil) end)

describe("styles", function()
  it("are plain text without colours", function()
    term.use_colors(false)
    assert.equal("x", term.red "x")
    assert.equal("x", term.bold(term.on_blue(term.fg("#123456", "x"))))
  end)

  it("begin and end", function()
    term.use_colors(16)
    assert.equal("\27[31mx\27[39m", term.red "x")
    assert.equal("\27[44mx\27[49m", term.on_blue "x")
    assert.equal("\27[1m5\27[22m", term.bold(5))
    assert.equal("", term.red "")
  end)

  it("go on after others that end inside them", function()
    term.use_colors(16)
    assert.equal("\27[31ma\27[32mb\27[39m\27[31mc\27[39m", term.red("a" .. term.green "b" .. "c"))
    assert.equal("\27[1ma\27[2mb\27[22m\27[1mc\27[22m", term.bold("a" .. term.dim "b" .. "c"))
  end)

  it("take the nearest colour there is", function()
    term.use_colors(1 << 24)
    assert.equal("\27[38;2;255;128;0mx\27[39m", term.fg("#ff8000", "x"))
    term.use_colors(256)
    assert.equal("\27[38;5;196mx\27[39m", term.fg("#ff0000", "x"))
    assert.equal("\27[48;5;244mx\27[49m", term.bg("#808080", "x"))
    assert.equal("\27[38;5;200mx\27[39m", term.fg(200, "x"))
    term.use_colors(16)
    assert.equal("\27[91mx\27[39m", term.fg("#ff0000", "x"))
    assert.equal("\27[30mx\27[39m", term.fg("#000000", "x"))
    assert.equal("\27[91mx\27[39m", term.fg(196, "x"))
    assert.equal("\27[102mx\27[49m", term.bg("bright_green", "x"))
  end)

  it("raise for what is none", function()
    assert.error_matches(function() term.fg("reddish", "x") end, "a colour is a name")
    assert.error_matches(function() term.fg(256, "x") end, "a colour is a name")
    assert.error_matches(function() term.red {} end, "string expected")
    assert.error_matches(function() term.use_colors(5) end, "2%^24 expected")
  end)

  it("depend on the terminal and the environment", function()
    local ask <const> = 'print(term.colors(), term.is_terminal())'
    assert.equal("0\tfalse\n", plain(ask))
    assert.equal("16\tfalse\n", plain(ask, "FORCE_COLOR=1"))
    assert.equal("256\tfalse\n", plain(ask, "FORCE_COLOR=2 NO_COLOR=1"))
    assert.equal("16777216\tfalse\n", plain(ask, "FORCE_COLOR=3"))
    assert.equal("16\ttrue\n", shown(ask))
    assert.equal("256\ttrue\n", shown(ask, "TERM=xterm-256color"))
    assert.equal("16777216\ttrue\n", shown(ask, "COLORTERM=truecolor"))
    assert.equal("0\ttrue\n", shown(ask, "TERM=dumb"))
    assert.equal("0\ttrue\n", shown(ask, "NO_COLOR=1"))
    assert.equal("16\ttrue\n", shown(ask, "NO_COLOR="))
    assert.equal("0\ttrue\n", shown(ask, "FORCE_COLOR=0"))
  end)
end)

describe("the width of a text", function()
  it("is that of its characters", function()
    for text, width in pairs { [""] = 0, abc = 3, ["日本"] = 4, ["é"] = 1, ["e\u{301}"] = 1, ["😀"] = 2,
      ["ｱ"] = 1, ["Ａ"] = 2, ["한"] = 2, ["\u{1112}\u{1161}\u{11ab}"] = 2, ["\u{200b}"] = 0, ["\xff"] = 1,
      ["\xe6\x97"] = 2, ["\27[1mx\27[0m"] = 1, ["\27]8;;http://x\27\\link\27]8;;\27\\"] = 4, ["\n"] = 0,
      ["\u{10ffff}"] = 1 } do
      assert.equal(width, term.text_width(text), ("%q"):format(text))
    end
  end)

  it("can be cut to", function()
    assert.equal("abcd", term.truncate("abcd", 4))
    assert.equal("abc…", term.truncate("abcde", 4))
    assert.equal("日…", term.truncate("日本語", 4))
    assert.equal("e\u{301}…", term.truncate("e\u{301}xy", 2))
    assert.equal("ab", term.truncate("abcd", 2, ""))
    assert.equal("a", term.truncate("abcd", 1, "..."))
    assert.equal("", term.truncate("abcd", 0))
    assert.equal("\27[31ma\27[39mb…", term.truncate("\27[31ma\27[39mbcd", 3))
    assert.equal("\27[31mab…\27[0m", term.truncate("\27[31mabcd\27[39m", 3))
    assert.equal("\27]8;;u\27\\ab\27]8;;\27\\", term.truncate("\27]8;;u\27\\abc\27]8;;\27\\", 2, ""))
  end)

  it("can be filled up to", function()
    assert.equal("日 |", term.pad("日", 3) .. "|")
    assert.equal(" 日", term.pad("日", 3, "right"))
    assert.equal(" x  ", term.pad("x", 4, "center"))
    assert.equal("long", term.pad("long", 2))
    assert.error_matches(function() term.pad("x", 3, "middle") end, "expected")
    assert.error_matches(function() term.pad("x", 1.5) end, "an integer")
  end)

  it("can be broken to", function()
    assert.same({ "the quick", "brown fox", "jumps" }, term.wrap("the quick brown fox jumps", 9))
    assert.same({ "ab", "cd", "e" }, term.wrap("abcde", 2))
    assert.same({ "日", "本" }, term.wrap("日本", 3))
    assert.same({ "a", "", "b" }, term.wrap("a\n\nb", 5))
    assert.same({ "" }, term.wrap("", 5))
    assert.same({ "日" }, term.wrap("日", 1))
    assert.same({ "\27[31mab\27[0m", "\27[31mcd\27[39m" }, term.wrap("\27[31mab cd\27[39m", 2))
  end)

  it("does not count what strip takes away", function()
    assert.equal("abc", term.strip "\27[1;31ma\27[0mb\27]8;;u\7c")
  end)
end)

describe("a table", function()
  local rows <const> = { { "日本", 5, "some more text" }, { "b", 1000, nil }, { true } }

  it("has its columns one below the other", function()
    assert.equal("日本  5     some more text\nb     1000\ntrue\n", term.table(rows))
  end)

  it("can have a header and alignment", function()
    assert.equal([[
name     n            text
----  ----  --------------
日本     5  some more text
b     1000
true
]], term.table(rows, { header = { "name", "n", "text" }, align = { "left", "right", "right" } }))
  end)

  it("is cut or wrapped to a width", function()
    assert.equal("日本  5     some …\nb     1000\ntrue\n", term.table(rows, { width = 18 }))
    assert.equal("日本  5     some\n            more\n            text\nb     1000\ntrue\n",
      term.table(rows, { width = 17, wrap = true }))
  end)

  it("lets no cell steer the terminal", function()
    assert.equal("a b c  x\n", term.table { { "a\tb\27[2J\rc", "x" } })
    assert.equal("a  x\nb\n", term.table({ { "a\nb", "x" } }, { wrap = true }))
  end)

  it("ends with each cell what it begins", function()
    for _, begun in ipairs { "\27[31m", "\27[8m", "\27[0;31m", "\27[31;1m", "\27[39;8m", "\27[38;5;1;8m" } do
      assert.are.equal(begun .. "x\27[0m  y\n", term.table { { begun .. "x", "y" } })
    end
    assert.are.equal("\27[1mx\27[22m\n", term.table { { "\27[1mx\27[22m" } })
  end)

  it("takes bytes that steer a terminal without UTF-8 from its cells", function()
    assert.are.equal("a 2Jä\n", term.table { { "a\x9b2Jä" } })
  end)

  it("may be empty, and raises for what is none", function()
    assert.equal("", term.table {})
    assert.error_matches(function() term.table { 1 } end, "row 1 is no table")
    assert.error_matches(function() term.table({}, { align = { "top" } }) end, "must be left")
  end)

  it("fits the terminal", function()
    local output <const> = shown 'io.write(term.table{{("x"):rep(100), "y"}})'
    assert.equal(("x"):rep(36) .. "…  y\n", output)
  end)
end)

describe("the size of the terminal", function()
  it("is told, also after it has changed", function()
    assert.equal("40 8\n70 20\n70 20\n", shown [[
      print(term.width() .. " " .. term.height())
      local task = lull.spawn(term.wait_resize)
      lull.yield()
      os.execute "stty cols 70 rows 20"
      local width, height = task:await()
      print(width .. " " .. height)
      print(term.width() .. " " .. term.height())
    ]])
  end)

  it("is 80 and 24 where there is none", function()
    assert.equal("80 24\n", plain 'print(term.width() .. " " .. term.height())')
  end)
end)

describe("a progress bar", function()
  it("is drawn, with what is printed above it, and leaves a line", function()
    local output <const> = shown [[
      local bar <close> = term.progress{label = "load", total = 4}
      for i = 1, 4 do
        bar:advance()
        print("did", i)
        io.write("par")
        io.write("tial ", i, "\n")
      end
      lull.sleep(0.3)
    ]]
    local lines <const> = screen_of(output)
    assert.same({ "did\t1", "partial 1" }, { lines[1], lines[2] })
    assert.same({ "did\t4", "partial 4" }, { lines[7], lines[8] })
    assert.truthy(lines[9]:find "^load: 100%% 4/4 in [%d.]+ s$")
    assert.same({ "" }, { table.unpack(lines, 10) })
    assert.truthy(output:find("load   0% [", 1, true) and output:find("load 100% [==", 1, true))
  end)

  it("is never wider than the terminal", function()
    local output <const> = shown [[
      local bar = term.progress{label = ("long "):rep(20), total = 4}
      bar:update(2)
      lull.sleep(0.3)
      bar:finish "over"
    ]]
    for line in output:gsub("\27%[%d*[AJ]", ""):gmatch "[^\r\n]+" do
      assert.truthy(term.text_width(line) < 40, line)
    end
  end)

  it("is drawn at most ten times a second", function()
    local output <const> = shown [[
      require("lull.testing").virtual_time(function()
        local began, bar = lull.now(), term.progress{total = 1e9}
        while lull.now() - began < 1 do bar:advance() lull.sleep(0.001) end
        bar:finish "over"
      end)
    ]]
    local _, count <const> = output:gsub("%[[= >]+%]", "")
    assert.truthy(count >= 2 and count <= 14, count)
  end)

  it("may have others beside it, and log lines above", function()
    local lines <const> = screen_of(shown([[
      local log = require "lull.log"
      local a, b = term.progress{label = "a", total = 2, keep = false}, term.progress{label = "b"}
      local c = term.spinner "c"
      lull.sleep(0.3)
      log.warn "careful"
      a:finish()
      lull.sleep(0.3)
      c:finish "done"
      b:update(2048, "bytes")
      b:finish()
    ]], "NO_COLOR=1"))
    assert.truthy(lines[1]:find "WARN  careful$")
    assert.equal("done", lines[2])
    assert.truthy(lines[3]:find "^bytes: 2048 in ")
    assert.equal("", lines[4])
    assert.is_nil(lines[5])
  end)

  it("gives print back and lets the program end", function()
    local output <const> = shown [[
      local before, write = print, io.write
      local bar = term.progress{}
      local other = print ~= before and io.write ~= write
      bar:finish "x"
      before(other, print == before, io.write == write)
      term.progress{label = "never finished"}
    ]]
    assert.truthy(output:find("true\ttrue\ttrue\n", 1, true))
  end)

  it("is one line without a terminal", function()
    local source <const> = [[
      do
        local bar <close> = term.progress{label = "load", total = 2, unit = "bytes"}
        bar:update(2048) bar:set_total(4096) print "printed"
      end
      term.progress{keep = false}:finish()
      term.spinner "spin":finish "spun"
    ]]
    local output <const> = plain(source)
    assert.truthy(output:find "load: 50%% 2%.0 KiB/4%.0 KiB in [%d.]+ s\nspin\nspun\n")
    assert.is_nil(output:find "[\r\27]")
    assert.is_nil(shown(source, "TERM=dumb"):find "[\r\27]")
  end)

  it("refuses what makes no sense", function()
    assert.error_matches(function() term.progress { total = -1 } end, "total must be")
    assert.error_matches(function() term.progress { total = 0 / 0 } end, "bad argument")
    assert.error_matches(function() term.progress { size = 1 } end, "unknown option")
    assert.error_matches(function() term.spinner() end, "string expected")
  end)
end)

describe("a question", function()
  it("is answered from standard input, without a terminal", function()
    local path <const>, _ <close> = script_file [[
      print(term.prompt "name? ", term.prompt("again? ", "default"))
      print(term.confirm "sure?", term.confirm("really?", true), term.password "secret? ")
      print(term.prompt "more? ", term.confirm("more?", true), term.confirm "more?")
    ]]
    assert.equal("Ann\tdefault\ntrue\ttrue\thush\nnil\ttrue\tfalse\n",
      shell(("printf 'Ann\\n\\nmaybe\\nYES\\n\\nhush\\n' | timeout 50 %s %s"):format(program, path)))
  end)

  it("is shown on a terminal, while others run", function()
    local output <const> = shown([[
      lull.after(0.02, function() io.stderr:write "running " end)
      print("hello " .. term.prompt "name? ")
    ]], nil, "{ after 'name? running'; echo Ann; }")
    assert.truthy(output:find "name%? running Ann\nhello Ann\n", output)
  end)

  it("for a password shows no answer, and turns the echo on again", function()
    local output <const> = shown([[
      local secret = term.password "secret? "
      print(#secret)
      os.execute "stty -a"
    ]], nil, "{ after secret; echo hush; }")
    assert.truthy(output:find "secret%? \n4\n", output)
    assert.is_nil(output:find("hush", 1, true))
    assert.truthy(output:find " echo ")
  end)

  it("leaves the echo on when a second Ctrl-C ends the program at once", function()
    local path <const>, _ <close> = script_file [[
      local _ <close> = lull.finally(function() lull.shield(term.password, "secret? ") end)
      print "ready"
      lull.sleep(60)
    ]]
    -- noflsh: Ctrl-C does not take away what the program has just written
    local shell_process <close> = process.open({ "sh", "-c",
      ("trap : INT; stty noflsh; %s %s; stty -a | grep -o ' -\\?echo '"):format(program, path) },
      { pty = true })
    local terminal <const> = shell_process.stdin
    terminal:read_until "ready"
    terminal:write "\3"
    terminal:read_until "secret? "
    terminal:write "\3"
    local rest = ""
    for piece in terminal:chunks() do rest = rest .. piece end
    assert.truthy(rest:find " echo ", rest)
  end)

  it("can be cancelled", function()
    local output <const> = shown([[
      print((lull.move_on_after(0.1, term.password, "secret? ")))
      print((lull.move_on_after(0.1, term.prompt, "name? ")))
      os.execute "stty -a"
    ]], nil, "after ' echo '")
    assert.truthy(output:find "secret%? \nfalse\nname%? \nfalse\n", output)
    assert.truthy(output:find " echo ")
  end)

  it("takes bars away while it waits", function()
    local output <const> = shown([[
      local bar <close> = term.progress{label = "b", total = 2, keep = false}
      print("hello " .. term.prompt "name? ")
    ]], nil, "{ after name; echo Ann; }")
    assert.truthy(output:find "%[Jname%? Ann\n[^\n]*%[Jhello Ann\n", ("%q"):format(output))
  end)
end)
