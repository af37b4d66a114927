-- Asks for what it may not, all the time.
-- expect: limit
while true do
  pcall(io and io.open or error, "/etc/passwd")
  pcall(require, "lull.worker")
  pcall(os and os.getenv or error, "HOME")
end
