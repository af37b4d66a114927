-- The modules that reach out.
-- expect: done
-- needs: network
local function try(name, f)
  local ok, module = pcall(require, name)
  if ok then
    local done, what = pcall(f, module)
    if done and what then error(name .. ": done") end
  end
end
try("lull.net", function(net) return net.connect("127.0.0.1", 1) end)
try("lull.net", function(net) return net.listen("127.0.0.1", 0) end)
try("lull.net", function(net) return net.from_fd(1) end)
try("lull.net", function(net) return net.pipe() and nil end)
try("lull.dns", function(dns) return dns.resolve("example.org") end)
try("lull.http", function(http) return http.get("http://127.0.0.1:1/") end)
try("lull.worker", function(worker) return worker.call("string", "rep", "x", 2) end)
try("lull.testing", function(testing) return testing.virtual_time end)
try("lull.fs", function(fs) return fs.read_file("/etc/passwd") end)
try("lull.process", function(process) return process.run({"true"}) end)
