-- Deep nesting of everything that nests.
-- expect: done|limit
for _, pair in ipairs {{"{", "}"}, {"(", ")"}, {"do ", " end "}, {"function() ", " end "}, {"not ", ""},
  {"a.b[", "]"}, {"-", ""}, {"x..", "x"}, {"2^", "2"}, {"f{", "}"}, {"if x then ", " end "},
  {"while x do ", " end "}, {"repeat ", " until x "}, {"for i=1,2 do ", " end "}, {"f'x'", ""}, {"[=[", "]=]"}} do
  for _, prefix in ipairs {"", "return "} do
    load(prefix .. pair[1]:rep(100000))
    load(prefix .. pair[1]:rep(150) .. "1" .. pair[2]:rep(150))
    load(prefix .. pair[1]:rep(100000) .. pair[2]:rep(100000))
  end
end
