-- utf8 functions over long and broken input.
-- expect: limit
local s = ("\xF4\x8F\xBF\xBF"):rep(50000)
while true do
  pcall(utf8.len, s)
  pcall(utf8.codepoint, s, 1, -1)
  pcall(utf8.char, utf8.codepoint(s, 1, 4000))
end
