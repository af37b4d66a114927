-- string.pack and unpack with sizes that lie.
-- expect: done
for _, format in ipairs {"!16 i16 Xi16", "s16", "z", "i17", "c2147483647", "<I8 s8", ("x"):rep(100000)} do
  pcall(string.pack, format, 1, "x")
  pcall(string.unpack, format, ("\255"):rep(64))
  pcall(string.packsize, format)
end
assert(not pcall(string.unpack, "c10", "x", math.mininteger))
assert(not pcall(string.pack, "c2147483647", "x"))
