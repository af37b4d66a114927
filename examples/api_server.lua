--- api_server.lua: a JSON API: routes, validation, errors, and a stop that cuts nobody off.
--
--   lull examples/api_server.lua [port]
--
--   curl -d '{"title": "write"}' -H 'Content-Type: application/json' localhost:8080/tasks
--   curl localhost:8080/tasks
--   curl -X PATCH -d '{"done": true}' -H 'Content-Type: application/json' localhost:8080/tasks/1
--   curl -X DELETE localhost:8080/tasks/1
local http = require "lull.http"
local json = require "lull.json"
local lull = require "lull"

-- What is stored ------------------------------------------------------------------------

local tasks <const> = {} -- by id
local last_id = 0

--- All of them, oldest first.
local function list()
  local found <const> = json.array {}
  for id = 1, last_id do found[#found + 1] = tasks[id] end
  return found
end

-- What is accepted ----------------------------------------------------------------------

--- An error that is answered with this status and message.
local function refuse(status, message)
  error(lull.new_error("http", message, { status = status }), 0)
end

--- The fields that a task may have, each with a check.
local fields <const> = {
  title = function(value)
    return type(value) == "string" and #value > 0 and #value <= 200, "1 to 200 bytes of text"
  end,
  done = function(value) return type(value) == "boolean", "true or false" end,
}

--- The body of a request, checked.
local function fields_of(req)
  local body <const> = req:json()
  if type(body) ~= "table" then refuse(422, "the body must be an object") end
  for name, value in pairs(body) do
    local check <const> = fields[name]
    if not check then refuse(422, ("there is no field %q"):format(name)) end
    local ok <const>, expected <const> = check(value)
    if not ok then refuse(422, ("%s must be %s"):format(name, expected)) end
  end
  return body
end

--- The task that a path names.
local function task_of(req)
  return tasks[math.tointeger(req.params.id)] or refuse(404, "there is no such task")
end

-- Routes ------------------------------------------------------------------------------

local app <const> = http.router()

--- Errors become JSON, too.
app:use(function(req, next)
  local ok <const>, response <const> = pcall(next, req)
  if ok then return response end
  if not lull.is_error(response, "http") or not response.status then error(response, 0) end
  return { status = response.status, json = { error = response.message } }
end)

app:get("/tasks", function() return { json = list() } end)

app:post("/tasks", function(req)
  local given <const> = fields_of(req)
  if not given.title then refuse(422, "title is missing") end
  last_id = last_id + 1
  tasks[last_id] = { id = last_id, title = given.title, done = given.done or false }
  return { status = 201, headers = { location = "/tasks/" .. last_id }, json = tasks[last_id] }
end)

app:get("/tasks/:id", function(req) return { json = task_of(req) } end)

app:patch("/tasks/:id", function(req)
  local task <const> = task_of(req)
  for name, value in pairs(fields_of(req)) do task[name] = value end
  return { json = task }
end)

app:delete("/tasks/:id", function(req)
  tasks[task_of(req).id] = nil
  return { status = 204 }
end)

--- Something slow, to see that a stop waits for it.
app:get("/slow", function()
  lull.sleep(1)
  return { json = { slept = 1 } }
end)

-- Ctrl-C or SIGTERM: no new connections, and up to 10 seconds for what is being answered.
local server <const> = http.serve({ port = tonumber((...)) or 8080, grace = 10 }, app)
local _ <close> = lull.finally(function()
  server:wait()
  print "stopped"
end)
print(("listening on http://127.0.0.1:%d"):format(server.port))
io.stdout:flush()
server:wait()
