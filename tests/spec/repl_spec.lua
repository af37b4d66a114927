--- The prompt, with its lines coming from a file or a pipe.  What needs a terminal (Ctrl-C, prompts,
--- output while it waits) is in tests/c/repl_test.c.

local program <const> = (os.getenv "LULL_BUILD" or "build") .. "/lull"

--- Run a shell command; return what it prints and its exit code.
local function shell(command)
  local pipe <const> = assert(io.popen(command))
  local output <const> = pipe:read "a"
  local _, how, code = pipe:close()
  return output, how == "exit" and code or how .. " " .. code
end

--- Give the prompt these lines; return what it prints on both streams, and the exit code.
local function repl(input, arguments)
  local path <const> = os.tmpname()
  local file <const> = assert(io.open(path, "w"))
  file:write(input)
  file:close()
  local output <const>, code <const> = shell(("timeout 50 '%s' %s <'%s' 2>&1"):format(program,
    arguments or "repl", path))
  os.remove(path)
  return output, code
end

--- Expect exactly this output and a good end.
local function shows(expected, input)
  local output <const>, code <const> = repl(input)
  assert.equal(expected, output)
  assert.equal(0, code)
end

--- Expect this output to contain the parts in this order, and a good end.
local function contains(input, ...)
  local output <const>, code <const> = repl(input)
  local at = 1
  for _, part in ipairs { ... } do
    local first <const>, last <const> = output:find(part, at, true)
    assert.is_truthy(first, ("no %q after byte %d of:\n%s"):format(part, at, output))
    at = last + 1
  end
  assert.equal(0, code)
end

describe("the prompt without a terminal", function()
  it("shows no prompt and no greeting", function()
    shows("2\n", "1 + 1\n")
  end)

  it("reads from a pipe", function()
    assert.same({ "2\n", 0 }, { shell(("printf '1 + 1\\n' | '%s' repl 2>&1"):format(program)) })
  end)

  it("reads lines that come in pieces", function()
    local slowly <const> = "{ printf '1 '; sleep 0.1; printf '+ 1\\n2'; sleep 0.1; printf '0\\n'; }"
    assert.same({ "2\n20\n", 0 }, { shell(("%s | '%s' repl 2>&1"):format(slowly, program)) })
  end)

  it("takes a last line without a newline", function()
    shows("1\n2\n", "1\n2")
  end)

  it("ends with 0 when there is nothing to read", function()
    shows("", "")
    assert.same({ "", 0 }, { shell(("'%s' repl </dev/null 2>&1"):format(program)) })
  end)

  it("leaves io.read the lines that follow", function()
    shows("first\nsecond\t7\t\nrest\n", [[
io.read()
first
print(io.read("l", "n", "l"))
second
7
print(io.read "a")
rest]])
  end)

  it("goes on after -e with -i, and shows the version once", function()
    local output <const>, code <const> = repl("x\n", "-i -e 'x = 3'")
    assert.equal(0, code)
    assert.is_truthy(output:find "^lull %d+%.%d+%.%d+[^\n]*\n3\n$", output)
  end)
end)

describe("results at the prompt", function()
  it("are all printed as print does", function()
    shows("1\tnil\ttrue\n", "1, nil, true\n")
    shows("nil\n", "nil\n")
    shows("text\n", "'text'\n")
    shows("", "(function() end)()\n")
  end)

  it("come from statements that return, too", function()
    shows("3\n", "local x = 3 return x\n")
  end)

  it("are printed for = and an expression", function()
    shows("2\n7\n", "=1 + 1\n=\n7\n")
  end)

  it("use __tostring", function()
    shows("shown\n", "setmetatable({}, { __tostring = function() return 'shown' end })\n")
  end)

  it("and what lines print come in order", function()
    shows("1\n2\n3\n", "print(1) return 2\ndo io.write('3\\n') end\n")
    contains("print 'before'\nerror 'between'\nprint 'after'\n", "before\n", "between\n", "after\n")
  end)
end)

describe("a chunk of several lines", function()
  it("runs when it is complete", function()
    shows("1\n2\n", "for i = 1, 2 do\n  print(i)\nend\n")
    shows("a\nb\n", "[[a\nb]]\n")
    shows("3\n", "1 +\n2\n")
  end)

  it("reports what is missing at the end of the input", function()
    shows("stdin:1: 'end' expected near <eof>\n", "if true then")
    shows("stdin:2: 'end' expected (to close 'if' at line 1) near <eof>\n", "if true then\nf()")
  end)

  it("has the positions of its own lines", function()
    contains("local a\nlocal b\nlocal function f()\n  error 'here'\nend f()\n", "stdin:2: here\n",
      "stdin:2: in local 'f'\n", "stdin:3: in main chunk")
  end)

  it("is given up at a syntax error", function()
    shows("stdin:1: syntax error near 'y'\n1\n", "x y\n1\n")
    shows("stdin:2: unexpected symbol near '}'\n1\n", "if x then\n}\n1\n")
    shows("stdin:1: unexpected symbol near '*'\n1\n", "1 +* 2\n1\n")
  end)
end)

describe("locals at the prompt", function()
  it("are visible in the next line and shared with closures", function()
    shows("2\n10\n11\n", [[
local n = 0; function inc() n = n + 1 end
inc() inc()
n
n = 10
n
inc()
=n
]])
  end)

  it("can be local functions, recursive ones too", function()
    shows("120\n", "local function f(n) return n < 2 and 1 or n * f(n - 1) end\nf(5)\n")
  end)

  it("are shadowed by later ones, closures keep the older", function()
    shows("1\t11\n", "local x = 1\nlocal function old() return x end\nlocal x = x + 10\nold(), x\n")
  end)

  it("may be shadowed within a line", function()
    shows("6\n", "local x = 1 local y = x + 1 local x = y + y + y\nx\n")
    shows("2\n", "local x, x = 1, 2\nx\n")
  end)

  it("keep their attributes", function()
    shows("1\nstdin:1: attempt to assign to const variable 'x'\n1\n", "local x <const> = 1\nx\nx = 2\nx\n")
    shows("t\nstdin:1: attempt to assign to const variable 'x'\n",
      "local x <const>, y = ('t'):rep(1), 2\nx\ny = 3 x = y\n")
  end)

  it("with <close> are closed at the end of their line", function()
    shows("body\nclosed\nnext\n", [[
local _ <close> = setmetatable({}, { __close = function() print "closed" end }) print "body"
print "next"
]])
  end)

  it("of blocks and functions stay inside", function()
    shows("nil\tnil\tnil\tnil\n", [[
do local a = 1 end for b = 1, 1 do local c = 2 end if true then local d = 3 end
a, b, c, d
]])
  end)

  it("hide globals only in later lines", function()
    shows("global\nlocal\nglobal\n", [[
x = "global"; function f() return x end
f()
local x = "local"
x
f()
]])
  end)

  it("leave globals in the real _G", function()
    shows("5\ttrue\n", "y = 5\n_G.y, rawequal(_G, _ENV)\n")
  end)

  it("declared before an error stay", function()
    contains("local kept = 1; error 'oops'; local lost = 2\nkept, lost\n", "stdin:1: oops", "1\tnil\n")
  end)

  it("are found among all that Lua's grammar allows around them", function()
    shows("1\t2\t3\t4\t5\t6\t7\t8\n", [=[
local a = 1 local b = #"xy" --[[ local z = 0 ]] local c = 3; ::label::
local d = (function() local e = 9 return 4 end)()
local e <const>, f = 5, --[==[ ]] ]==] [==[6]==] local g = ({ x = 7 }).x local h = 2 * 4 -- local
a, b, c, d, e, f // 1, g, h
]=])
    shows("nil\tx\tlocal y = 1\n", "local s; local t = s or 'x' local u = 'local y = 1'\ns, t, u\n")
    shows("3\tfalse\n",
      "local x = { f = function() end, 'end' } if x then end local n, m = #'abc', not x\nn, m\n")
    shows("called\n7\n", "local x (print or x)('called') x = 7\nx\n")
    shows("1\n", "local n = 0 repeat local n = n + 1 until n == 1 local r = 1\nr\n")
    shows("skipped\n", "goto done local x = 1 ::done::\nx or 'skipped'\n")
  end)

  it("may be hundreds", function()
    local lines <const> = {}
    for i = 1, 500 do lines[i] = ("local v%d = %d"):format(i, i) end
    lines[#lines + 1] = "v1 + v500\n"
    shows("501\n", table.concat(lines, "\n"))
  end)

  it("may be called _ENV", function()
    shows("1\n", "local _ENV = { print = print, x = 1 }\nprint(x)\n")
  end)
end)

describe("a line", function()
  it("may wait", function()
    shows("slept\n", "lull.sleep(0.001, 'slept')\n")
    shows("1\t2\n", "lull.gather(function() lull.sleep(0.001) return 1 end, function() return 2 end)\n")
    shows("done\n", "t = lull.spawn(function() lull.sleep(0.001) return 'done' end)\nt:await()\n")
  end)

  it("is a task", function()
    shows("true\n", "lull.current() ~= nil\n")
  end)

  it("is not held up by what it starts in the background", function()
    shows("first\nsecond\n", [[
go = lull.future(); t = lull.spawn(function() go:await() print "second" end)
print "first" go:set()
t:await()
]])
  end)

  it("may end with os.exit", function()
    assert.same({ "1\n", 7 }, { repl("1\nos.exit(7)\n2\n") })
    assert.same({ "", 1 }, { repl("do os.exit(false) end\n2\n") })
  end)
end)

describe("errors at the prompt", function()
  it("are shown with a traceback, and the next line runs", function()
    shows([[
stdin:1: oops
stack traceback:
	[C]: in function 'error'
	stdin:1: in main chunk
1
]], "error 'oops'\n1\n")
  end)

  it("tell across tasks where they come from", function()
    contains("local function fail() local x = 1 + {} end lull.async(function() fail() end)():await()\n",
      "attempt to perform arithmetic", "stdin:1: in upvalue 'fail'", "[task] function stdin:1",
      "stdin:1: in main chunk\n")
  end)

  it("may be any value", function()
    contains("error {}\n", "(error object is a table value)\n")
    contains("error(nil)\n", "(error object is a nil value)\n")
    contains("error(setmetatable({}, { __tostring = function() return 'an object' end }))\n", "an object\n")
    contains("lull.timeout(0.001, lull.sleep_forever)\n", "timeout: timed out after 0.001 s\n")
  end)

  it("are received when Ctrl-C comes first and cannot end the line; texts are shown", function()
    for raised, shown in pairs { ["'oops'"] = "stdin:1: oops\n", ["{}"] = "" } do
      shows(shown .. "interrupted\n1\n", ([[
for _, task in ipairs(lull.tasks()) do if task.name == "turn" then task:cancel() end end error(%s)
1
]]):format(raised))
    end
  end)

  it("may come from __tostring", function()
    contains("setmetatable({}, { __tostring = function() error 'no text' end })\n1\n",
      "stdin:1: no text\n", "\n1\n")
    contains("error(setmetatable({}, { __tostring = error }))\n1\n",
      "(error object that cannot be shown)\n", "1\n")
    contains("error(setmetatable({}, { __tostring = function() error('why\\7', 0) end }))\n1\n",
      "(error object that cannot be shown: why\\a)\n", "1\n")
  end)

  it("of background tasks are shown and end nothing", function()
    contains([[
other = lull.spawn(lull.sleep_forever)
bad = lull.spawn(error, "from behind")
bad:join(), other:status()
]], "from behind", "failed\tpending\n")
  end)

  it("of background tasks do not touch others of the same line, nor does the line's own", function()
    contains([[
good = lull.async(lull.sleep)(0.01, "good"); bad = lull.spawn(error, "bad"); error "line"
bad:join()
good:await()
]], "stdin:1: line", "error nobody received: bad", "failed\n", "good\n")
  end)

  it("do not come from what a line does to the globals", function()
    shows("1\n", "local g = _G for k in pairs(g) do if k ~= 'print' then g[k] = nil end end\n1\n")
  end)
end)

describe("the end of the input", function()
  it("cancels what runs in the background, and lets it clean up", function()
    shows("cleaned\n", [[
function cleanup() lull.sleep(0.001) print "cleaned" end
t = lull.spawn(function() local _ <close> = lull.finally(cleanup) lull.sleep_forever() end)
lull.yield()
]])
  end)
end)
