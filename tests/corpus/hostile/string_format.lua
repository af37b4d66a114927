-- Widths and long strings in format.
-- expect: limit
local s = ("x"):rep(1000000)
while true do
  pcall(string.format, "%99.99f%s%s%s%s%s%s%s", 1e308, s, s, s, s, s, s, s)
  pcall(string.format, "%q", s)
end
