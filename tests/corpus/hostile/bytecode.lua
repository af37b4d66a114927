-- Bytecode: made, changed and loaded, in every way there is.
-- expect: done
local function f(a) return a, _ENV end
local ok, code = pcall(string.dump or error, f)
for _, source in ipairs {"\27Lua", "\27LuaT\0\25\147\r\n\26\n", "\27", ok and code or "\27LuaS"} do
  for _, mode in ipairs {"b", "bt", "t", "x", ""} do
    local done, loaded = pcall(load, source, "x", mode)
    assert(not done or not loaded)
    local part = source
    done, loaded = pcall(load, function() local s = part part = nil return s end, "x", mode)
    assert(not done or not loaded)
  end
  local done, loaded = pcall(load, source)
  assert(not done or not loaded)
end
