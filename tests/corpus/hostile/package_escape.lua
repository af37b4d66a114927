-- C modules, paths, searchers.
-- expect: done
local package = package or {}
local ok, f = pcall(package.loadlib or error, "/usr/lib/x86_64-linux-gnu/liblua5.4.so.0", "luaopen_debug")
assert(not ok or not f)
ok, f = pcall(package.loadlib or error, "/usr/lib/x86_64-linux-gnu/libc.so.6", "*")
assert(not ok or not f)
pcall(function()
  package.path = "/etc/?;/tmp/?.lua;" .. ("?;"):rep(10000)
  package.cpath = "/usr/lib/x86_64-linux-gnu/?.so.0;/usr/lib/?.so"
end)
assert(not pcall(require, "liblua5.4"))
assert(not pcall(require, "passwd"))
assert(not pcall(require, "../../etc/passwd"))
local found = package.searchpath and select(2, pcall(package.searchpath, "passwd", "/etc/?"))
assert(found == nil or not tostring(found):find("^/etc/passwd$"))
pcall(function() package.searchers[1] = function() error("mine") end end)
pcall(function() package.searchers = nil end)
pcall(function() package.loaded.os, package.loaded.io = nil, nil end)
for _, name in ipairs {"os", "io", "debug"} do
  local again, module = pcall(require, name)
  if again and type(module) == "table" then
    assert(not pcall(module.popen or error, "true"))
    assert(not pcall(module.getregistry or error))
  end
end
