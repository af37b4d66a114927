-- Patterns cut off anywhere.
-- expect: done
local pattern = "^(%a*)%b()[^%w-z]%f[%a]()%1$%"
for i = 1, #pattern do
  for j = i, #pattern do
    for _, f in ipairs {string.find, string.match, string.gsub, string.gmatch} do
      pcall(f, "abc(def) abc", pattern:sub(i, j), "")
    end
  end
end
