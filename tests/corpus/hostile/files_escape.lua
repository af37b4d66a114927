-- Paths out of nowhere: nothing may be read, written, made or asked.
-- expect: done
local io, os, denied = io or {}, os or {}, 0
for _, path in ipairs {"/etc/passwd", "../../../../etc/passwd", "/proc/self/mem", "/proc/self/fd/0", "", ".", "/",
  "/dev/null", "a\0b", "/tmp/../etc/passwd", "//etc/passwd", ("x/"):rep(100000), "/dev/stdin"} do
  for _, mode in ipairs {"r", "w", "a", "r+", "rb"} do
    local ok, file = pcall(io.open or error, path, mode)
    assert(not ok or not file, path)
    denied = denied + 1
  end
  assert(not pcall(io.lines or error, path))
  assert(not pcall(io.input or error, path))
  assert(not pcall(io.output or error, path))
  assert(not pcall(dofile or error, path))
  local ok, f = pcall(loadfile or error, path)
  assert(not ok or not f)
  for _, name in ipairs {"remove", "rename", "execute", "getenv", "tmpname"} do
    local done, result = pcall(os[name] or error, path, path)
    assert(not done or not result, name)
  end
  local opened, file = pcall(io.popen or error, path)
  assert(not opened or not file)
end
local ok, file = pcall(io.tmpfile or error)
assert(not ok or not file)
