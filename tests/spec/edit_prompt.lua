--- edit_prompt.lua: a program for the specs of the line editor: it reads texts and says what it got.
local edit = require "lull.repl.edit"
local lull = require "lull"
local signal = require "lull.signal"

local entries <const> = { "print('hello')", "for i = 1, 3 do\n  print(i)\nend" }
local editor <const> = edit.new {
  terminal = edit.tty(),
  history = {
    count = function() return #entries end,
    get = function(_, index) return entries[index] end,
  },
  is_complete = function(text) return not text:find "^if" or text:find "end$" ~= nil end,
  complete = function(text, position)
    local word <const> = text:sub(1, position):match "[%w_]*$"
    local list <const> = {}
    for _, name in ipairs { "alpha", "alphabet", "beta" } do
      if name:sub(1, #word) == word then list[#list + 1] = { text = name } end
    end
    return position - #word + 1, list
  end,
  highlight = function(text)
    local list <const> = {}
    for first, last in text:gmatch "()%f[%w]local%f[%W]()" do list[#list + 1] = { first, last - 1, "blue" } end
    return list
  end,
}

-- Before anything is said, for those who then send signals.
local listener <const>, hangup <const> = signal.listen("USR1", "USR2"), signal.listen "HUP"
lull.spawn(function()
  for name in listener do
    if name == "USR2" then os.exit(4) end
    editor:print_above "from the background\n"
  end
end):detach()

local doing <const> = {
  read = function() print("read " .. tostring(io.read())) end,
  fail = function() error("failed", 0) end,
  exit = function() os.exit(3) end,
  wait = function()
    io.write "waiting\n"
    hangup:wait()
  end,
}

print("pid " .. require("lull.process").pid())
while true do
  local text <const>, why <const> = editor:read("> ", ". ")
  if not text and why == "end" then break end
  if doing[text] then
    doing[text]()
  else
    print(("got %q"):format(text or why))
  end
end
print "ended"
os.exit(0)
