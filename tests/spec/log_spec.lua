--- lull.log: levels, loggers, lines, the fields of tasks, sinks and what may go wrong in them.
local json = require "lull.json"
local log = require "lull.log"
local lull = require "lull"

local program <const> = (os.getenv "LULL_BUILD" or "build") .. "/lull"

local STAMP <const> = "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ "

--- Run a function; return the lines that it logs.
local function lines_of(fn, opts)
  local lines <const> = {}
  log.set_sinks(log.custom(function(_, line) lines[#lines + 1] = line end, opts))
  local _ <close> = lull.finally(function() log.set_sinks(log.standard()) end)
  fn()
  return lines
end

--- The line of one call, without its time.
local function line_of(message, fields)
  local lines <const> = lines_of(function() log.info(message, fields) end)
  assert.equal(1, #lines)
  return (lines[1]:gsub(STAMP, ""))
end

--- The object of one call.
local function object_of(message, fields)
  local lines <const> = lines_of(function() log.info(message, fields) end, { format = "json" })
  assert.is_nil(lines[1]:find "\n")
  return json.decode(lines[1]), lines[1]
end

--- Run a script as a program; return what it writes to both streams.
local function run(source)
  local path <const> = os.tmpname()
  local file <const> = assert(io.open(path, "w"))
  file:write(source)
  file:close()
  local pipe <const> = assert(io.popen(("timeout 50 '%s' %s 2>&1"):format(program, path)))
  local output <const> = pipe:read "a"
  pipe:close()
  os.remove(path)
  return output
end

after_each(function()
  for _, name in ipairs { "a", "a.b", "a.b.c" } do log.set_level(nil, name) end
  log.set_level "info"
end)

describe("levels", function()
  local function all()
    local names <const> = {}
    for _, line in ipairs(lines_of(function()
      for _, level in ipairs { "trace", "debug", "info", "warn", "error" } do log[level]("x") end
    end)) do
      names[#names + 1] = line:match(" (%u+)")
    end
    return table.concat(names, " ")
  end

  it("are info and above at first", function()
    assert.equal("INFO WARN ERROR", all())
  end)

  it("can be set", function()
    log.set_level "trace"
    assert.equal("TRACE DEBUG INFO WARN ERROR", all())
    log.set_level "error"
    assert.equal("ERROR", all())
    log.set_level "off"
    assert.equal("", all())
  end)

  it("can be asked for", function()
    log.set_level "warn"
    assert.equal("warn", log.level())
    assert.is_false(log.enabled "info")
    assert.is_true(log.enabled "warn")
  end)

  it("must be known", function()
    assert.error_matches(function() log.set_level "loud" end, "no level 'loud'")
    assert.error_matches(function() log.standard { level = "loud" } end, "no level 'loud'")
    assert.error_matches(function() log.set_level(nil) end, "string expected")
  end)

  it("that are off call no functions", function()
    local called = false
    lines_of(function() log.debug(function() called = true return "x" end) end)
    assert.is_false(called)
  end)
end)

describe("a logger", function()
  it("has its name in the line", function()
    local lines <const> = lines_of(function() log.logger "a.b":info("said", { k = 1 }) end)
    assert.equal("INFO  a.b: said k=1", (lines[1]:gsub(STAMP, "")))
  end)

  it("is the same for the same name", function()
    assert.equal(log.logger "a", log.logger "a")
    assert.not_equal(log.logger "a", log.logger "b")
  end)

  it("has the threshold of the nearest name above it", function()
    local deep <const> = log.logger "a.b.c"
    log.set_level("error", "a")
    assert.is_false(deep:enabled "warn")
    log.set_level("trace", "a.b")
    assert.is_true(deep:enabled "trace")
    assert.equal("trace", log.level "a.b.c")
    assert.equal("error", log.level "a.x")
    log.set_level(nil, "a.b")
    assert.is_false(deep:enabled "warn")
  end)

  it("follows the global threshold without one of its own", function()
    log.set_level "error"
    assert.is_false(log.logger "a":enabled "warn")
  end)
end)

describe("a readable line", function()
  it("has a time with milliseconds, a level and a message", function()
    local before <const> = os.time()
    local line <const> = lines_of(function() log.warn "careful" end)[1]
    assert.truthy(line:find(STAMP .. "WARN  careful$"))
    local year <const>, month <const>, day <const>, hour <const>, min <const>, sec <const> =
      line:match "^(%d+)%-(%d+)%-(%d+)T(%d+):(%d+):(%d+)"
    local utc <const> = os.time { year = year, month = month, day = day, hour = hour, min = min, sec = sec,
      isdst = false }
    local now <const> = os.date("!*t", before)
    now.isdst = false
    assert.is_true(math.abs(utc - os.time(now)) <= 60)
  end)

  it("has fields in the order of their names", function()
    assert.equal("INFO  x a=1 b=true c=1.5 d=word", line_of("x", { d = "word", c = 1.5, b = true, a = 1 }))
  end)

  it("quotes what is no plain word", function()
    assert.equal([[INFO  x a="two words" b="" c="=" d="\"\\" "e f"=1]],
      line_of("x", { a = "two words", b = "", c = "=", d = '"\\', ["e f"] = 1 }))
  end)

  it("escapes control characters, in messages, keys, values and names", function()
    assert.equal([[INFO  a\nb\x1b[0m "k\r"="\t\x00\x7f"]], line_of("a\nb\27[0m", { ["k\r"] = "\t\0\127" }))
    local lines <const> = lines_of(function() log.logger "l\n":info "x" end)
    assert.truthy(lines[1]:find([[l\n: x]], 1, true))
  end)

  it("escapes what turns text around or ends lines elsewhere, and bytes that are no UTF-8", function()
    assert.equal([[INFO  \u{202e}\u{2028}\u{85} k="é日\xff\xc3"]],
      line_of("\u{202e}\u{2028}\u{85}", { k = "é日\xff\xc3" }))
  end)

  it("shows tables, nested ones and cycles", function()
    local cycle <const> = { 1, 2, { x = "y z" } }
    cycle.me = cycle
    assert.equal([[INFO  x t={1 2 {x="y z"} me=(cycle)}]], line_of("x", { t = cycle }))
    local shared <const> = { 1 }
    assert.equal("INFO  x a={1} b={1}", line_of("x", { a = shared, b = shared }))
  end)

  it("has limits for depth, entries and bytes", function()
    local deep, wide <const>, many <const> = {}, {}, {}
    for _ = 1, 100 do deep = { deep } end
    for i = 1, 10000 do wide[i] = i end
    for i = 1, 1000 do many["k" .. i] = ("v"):rep(5000) end
    assert.equal("INFO  x deep={{{{{{...}}}}}}", line_of("x", { deep = deep }))
    assert.truthy(line_of("x", { wide = wide }):find "63 64 %.%.%.}$")
    local long <const> = line_of(("m"):rep(10000), { s = ("é"):rep(1e6) })
    assert.truthy(long:find "m%.%.%.%(1808 bytes more%)")
    assert.truthy(#long < 20000 and utf8.len(long))
    local full <const> = line_of("x", many)
    assert.truthy(#full < 80000 and full:find " %.%.%.$")
  end)
end)

describe("bad values", function()
  it("are shown as well as they can be", function()
    local raising <const> = setmetatable({}, { __tostring = function() error "no" end })
    assert.equal([[INFO  x n=nan v="(table that cannot be shown)"]], line_of("x", { n = 0 / 0, v = raising }))
    assert.equal("INFO  (a message that cannot be shown)", line_of(raising))
    assert.equal("INFO  nil", line_of(nil))
    assert.equal("INFO  x value=5", line_of("x", 5))
  end)

  it("are not asked by their metamethods but for __tostring", function()
    local trap <const> = setmetatable({ a = 1 }, {
      __index = error, __pairs = error, __len = error, __tostring = function() return "shown" end })
    assert.equal("INFO  x t=shown", line_of("x", { t = trap }))
    assert.truthy(line_of("x", setmetatable({ k = 1 }, { __pairs = error, __index = error })):find "k=1")
  end)

  it("may be functions that raise", function()
    assert.equal([[INFO  (raised: 1)]], line_of(function() error(1, 0) end))
    assert.equal([[INFO  x k="(raised: 2)"]], line_of("x", { k = function() error(2, 0) end }))
  end)

  it("do not swallow a cancellation", function()
    local task <const> = lull.spawn(function() lines_of(function() log.info(lull.sleep_forever) end) end)
    lull.yield()
    task:cancel()
    assert.equal("cancelled", task:join())
  end)
end)

describe("any values", function()
  local function text()
    local parts <const> = {}
    for i = 1, math.random(0, 12) do
      local code <const> = math.random(0, 0xFFFF)
      parts[i] = math.random() < 0.5 and string.char(code & 255) or utf8.char(code < 0xD800 and code or 0x202E)
    end
    return table.concat(parts)
  end

  local function value(depth)
    local kind <const> = math.random(8)
    if kind < 4 or depth > 7 then return text() end
    if kind == 4 then return math.random(-9, 9) / math.random(0, 2) end
    if kind == 5 then return true end
    local result <const> = {}
    for i = 1, math.random(0, 6) do result[math.random() < 0.5 and i or text()] = value(depth + 1) end
    if kind == 6 then result.me = result end
    return result
  end

  it("make one line of UTF-8, and valid JSON", function()
    math.randomseed(7)
    local count = 0
    for _, format in ipairs { "text", "json" } do
      for _ = 1, 300 do
        local message <const>, fields <const> = text(), value(1)
        for _, line in ipairs(lines_of(function() log.info(message, fields) end, { format = format })) do
          count = count + 1
          assert(not line:find "[%c\127]" and utf8.len(line), line)
          if format == "json" then json.decode(line) end
        end
      end
    end
    assert.equal(600, count)
  end)
end)

describe("functions as arguments", function()
  it("give the message and the fields", function()
    assert.equal("INFO  lazy k=1", line_of(function() return "lazy", { k = 1 } end))
    assert.equal("INFO  x k=1", line_of("x", function() return { k = 1 } end))
    assert.equal("INFO  x k=1 n=nil", line_of("x", { k = function() return 1 end, n = function() end }))
  end)
end)

describe("a line of JSON", function()
  it("has time, level, logger, message and fields", function()
    local lines <const> = lines_of(function() log.logger "a":error("x", { k = { 1, "b" }, o = { z = false } }) end,
      { format = "json" })
    local object <const> = json.decode(lines[1])
    assert.truthy((object.time .. " "):find(STAMP))
    object.time = nil
    assert.same({ level = "error", logger = "a", message = "x", k = { 1, "b" }, o = { z = false } }, object)
  end)

  it("keeps its own names", function()
    local object <const> = object_of("m", { time = 1, level = 2, logger = 3, message = 4 })
    assert.same({ "m", "info", 1, 2, 3, 4 }, { object.message, object.level, object._time, object._level,
      object._logger, object._message })
  end)

  it("is valid whatever is in it", function()
    local cycle <const> = {}
    cycle.cycle = cycle
    local all = {}
    for byte = 0, 255 do all[byte + 1] = string.char(byte) end
    local object <const>, line <const> = object_of(table.concat(all), { nan = 0 / 0, inf = math.huge,
      cycle = cycle, fn = function() return print end, ["\xff\n"] = "\u{2028}", [5] = math.mininteger })
    assert.same({ "nan", "inf", "(cycle)", math.mininteger }, { object.nan, object.inf, object.cycle.cycle,
      object["5"] })
    assert.is_nil(line:find "[%c\127]")
  end)

  it("has error objects by their parts", function()
    local object <const> = object_of("m", { error = lull.new_error("io", "gone", { code = "ENOENT" }) })
    assert.same({ kind = "io", message = "gone", code = "ENOENT" }, object.error)
  end)

  it("has limits", function()
    local many <const>, deep = {}, {}
    for i = 1, 1000 do many["k" .. i] = ("v"):rep(5000) end
    for _ = 1, 100 do deep = { deep } end
    many.a = deep
    local _, line <const> = object_of("m", many)
    assert.truthy(#line < 80000)
  end)
end)

describe("the fields of a task", function()
  it("are in every line, also of the tasks it starts, and end with the call", function()
    local lines <const> = lines_of(function()
      local result <const> = log.with({ request = 7 }, function(x)
        log.info("a", { k = 1 })
        lull.spawn(function() log.info "b" end):await()
        log.with({ user = "u" }, log.info, "c")
        return x
      end, "passed")
      assert.equal("passed", result)
      log.info "d"
    end)
    for i, line in ipairs(lines) do lines[i] = line:gsub(STAMP .. "INFO  ", "") end
    assert.same({ "a k=1 request=7", "b request=7", "c request=7 user=u", "d" }, lines)
  end)

  it("are those of their own task among several", function()
    local lines <const> = lines_of(function()
      lull.map({ 1, 2, 3 }, function(n)
        log.with({ n = n }, function()
          lull.yield()
          log.info("x", { again = n })
        end)
      end)
    end)
    for _, line in ipairs(lines) do
      local again <const>, n <const> = line:match "again=(%d) n=(%d)"
      assert.equal(again, n)
    end
    assert.equal(3, #lines)
  end)

  it("yield to those of the line, and can be asked for", function()
    log.with({ k = 1 }, function()
      assert.equal("INFO  x k=2", line_of("x", { k = 2 }))
      local fields <const> = log.context()
      assert.same({ k = 1 }, fields)
      fields.k = 5
      assert.same({ k = 1 }, log.context())
    end)
    assert.same({}, log.context())
  end)
end)

describe("log.try", function()
  it("returns what the call returns", function()
    assert.same({ n = 3, true, nil, 2 }, table.pack(log.try("x", function(...) return ... end, nil, 2)))
  end)

  it("logs what it raises, with a traceback in the same line", function()
    local err <const> = {}
    local lines <const> = lines_of(function()
      local ok <const>, caught <const> = log.logger "a":try("went wrong", function() error(err) end)
      assert.is_false(ok)
      assert.equal(err, caught)
    end)
    assert.equal(1, #lines)
    assert.truthy(lines[1]:find 'ERROR a: went wrong error={} traceback=".*log_spec%.lua.*"$')
  end)
end)

describe("sinks", function()
  it("are given lines one after the other, by their own level and format", function()
    local text <const>, object <const> = {}, {}
    log.set_sinks(log.custom(function(_, line) text[#text + 1] = line end, { level = "warn" }),
      log.custom(function(record, line) object[#object + 1] = record.level .. line:sub(1, 8) end,
        { format = "json" }),
      log.custom(function(_, line) text[#text + 1] = line end, { format = function(r) return "<" .. r.message end }))
    log.info "a"
    log.warn "b"
    log.set_sinks(log.standard())
    assert.equal(3, #text)
    assert.same({ "<a", "<b" }, { text[1], text[3] })
    assert.same({ 'info{"time":', 'warn{"time":' }, object)
  end)

  it("may suspend, while others log", function()
    local event <const>, seen <const> = lull.future(), {}
    log.set_sinks(function(record)
      if record.message == "slow" then event:await() end
      seen[#seen + 1] = record.message
    end)
    local task <const> = lull.spawn(log.info, "slow")
    lull.yield()
    log.info "quick"
    event:set()
    task:await()
    log.set_sinks(log.standard())
    assert.same({ "quick", "slow" }, seen)
  end)

  it("that log themselves are not called for that, nor are those in tasks they start", function()
    local calls = 0
    log.set_sinks(function()
      calls = calls + 1
      log.error "nested"
      lull.spawn(log.error, "nested too"):await()
    end)
    log.error "first"
    log.set_sinks(log.standard())
    assert.equal(1, calls)
  end)

  it("write to a file, at its end", function()
    local path <const> = os.tmpname()
    local file <const> = assert(io.open(path, "w"))
    file:write "before\n"
    file:close()
    log.set_sinks(log.file(path))
    log.info("x", { k = "a\nb" })
    log.info "y"
    log.set_sinks(log.standard())
    local lines <const> = {}
    for line in io.lines(path) do lines[#lines + 1] = line:gsub(STAMP, "") end
    os.remove(path)
    assert.same({ "before", [[INFO  x k="a\nb"]], "INFO  y" }, lines)
  end)

  it("that cannot be made raise", function()
    local ok <const>, err <const> = pcall(log.file, "/nonexistent/file")
    assert.is_false(ok)
    assert.equal("io", err.kind)
    assert.equal("ENOENT", err.code)
    assert.error_matches(function() log.set_sinks(1) end, "a sink or a function expected")
    assert.error_matches(function() log.standard { format = "xml" } end, "format must be")
    assert.error_matches(function() log.standard { colour = true } end, "unknown option 'colour'")
  end)

  it("that fail are reported once, and the others get their lines", function()
    local output <const> = run [[
      local log = require "lull.log"
      log.set_sinks(function() error("broken", 0) end, function(r) print(r.message) end,
        log.custom(print, { format = function() return 1 end }))
      log.info "one"
      log.info "two"
    ]]
    assert.equal(1, select(2, output:gsub("a sink has failed: broken", "")))
    assert.equal(1, select(2, output:gsub("a sink has failed: the format returned no string", "")))
    assert.truthy(output:find "one\n" and output:find "two\n")
  end)

  it("are standard error at first, without colours where that is no terminal", function()
    local output <const> = run 'require("lull.log").warn("x", { k = 1 })'
    assert.truthy(output:find(STAMP .. "WARN  x k=1\n$"))
  end)

  it("whose device is full are reported", function()
    local output <const> = run [[
      local log = require "lull.log"
      log.set_sinks(log.file "/dev/full")
      log.info "x"
      log.info "y"
    ]]
    assert.truthy(output:find "^lull%.log: a sink has failed: [^\n]+\n$")
  end)
end)
