-- Everything of debug that would reach what is not the script's.
-- expect: done
local d = debug or {}
for _, name in ipairs {"getregistry", "setmetatable", "getmetatable", "setupvalue", "upvaluejoin", "upvalueid",
  "setuservalue", "getuservalue", "setlocal", "sethook", "getupvalue", "setcstacklimit", "debug"} do
  local ok = d[name] and pcall(d[name], print, 1, print, 1)
  if ok then error("debug." .. name .. " is there") end
end
if d.getinfo then
  local info = d.getinfo(1)
  assert(info == nil or type(info) == "table")
end
