--- lull.http.router: which handler answers a request.
---
--- A router is itself a handler: `http.serve(opts, app)`.  Routes are collected by the calls below
--- and put into a tree, with their middleware around them, when the first request comes.
---
--- Of several patterns that match a path, literals go before parameters, and parameters before
--- wildcards, segment by segment from the left; a pattern without the request's method is passed
--- over.  The order of registration says nothing; what could not be told apart raises there.
---
--- Nothing that matches is a 404; a match without the method a 405 with Allow.  HEAD is answered by
--- GET's handler and OPTIONS with Allow, where the path has no handlers for them.
local check = require "lull.check"
local pattern = require "lull.http.route.pattern"
local problem = require "lull.http.problem"
local tree = require "lull.http.route.tree"

local class_of <const> = check.class_of

---@alias lull.http.Handler async fun(req: lull.http.server.Request): any
---@alias lull.http.Middleware async fun(req: table, next: lull.http.Handler): any

---@class lull.http.RouteOptions
---@field max_body? integer             bytes of a body; the server's
---@field body_timeout? number          seconds that reading a body may take; the server's
---@field cancel_on_disconnect? boolean cancel the handler when the client has gone; false
---@field stream? boolean               nobody reads the body whole: no limit on it; false

local OPTIONS <const> = {
  max_body = "number", body_timeout = "seconds", cancel_on_disconnect = "boolean",
  stream = "boolean",
}

--- One route of one router.
---@class lull.http.Route
---@field method? string  nil: any
---@field pattern lull.http.Pattern
---@field handler lull.http.Handler
---@field options? lull.http.RouteOptions

--- Middleware and where it applies.
---@class lull.http.Use
---@field prefix lull.http.Pattern
---@field middleware lull.http.Middleware

---@class lull.http.Router
---@field private routes lull.http.Route[]
---@field private uses lull.http.Use[]
---@field private mounts { prefix: lull.http.Pattern, app: lull.http.Router }[]
---@field private places { prefix: lull.http.Pattern, app: lull.http.Router }[]  where it is mounted
---@field private taken table<string, table>  by method and shape: what is there, mounted routes too
---@field private plan? table  the tree and what to do without a route; nil: to be made
local Router <const> = {}
Router.__index = Router
Router.__name = "lull.http.Router"

local EVERYWHERE <const> = assert(pattern.read_prefix("/"))

-- What a request meets --------------------------------------------------------------------

--- The middleware, the first outermost, around a handler.
local function compose(uses, handler)
  local run = handler
  for i = #uses, 1, -1 do
    local inner <const> = run
    local middleware <const>, applies <const> = uses[i].middleware, uses[i].applies
    if applies then
      run = function(req)
        if applies(req.path) then return middleware(req, inner) end
        return inner(req)
      end
    else
      run = function(req) return middleware(req, inner) end
    end
  end
  return run
end

--- Of the middleware in force what may concern a pattern.  What only the path can tell is asked
--- for each request.
local function uses_for(uses, read)
  local kept <const> = {}
  for _, use in ipairs(uses) do
    local covers <const> = pattern.covers(use.prefix, read)
    if covers ~= false then
      kept[#kept + 1] = {
        middleware = use.middleware,
        applies = not covers and pattern.tester(use.prefix) or nil,
      }
    end
  end
  return kept
end

--- For requests without a route middleware goes by the path alone.
local function uses_by_path(uses)
  local kept <const> = {}
  for i, use in ipairs(uses) do
    local everywhere <const> = #use.prefix.segments == 0
    kept[i] = {
      middleware = use.middleware,
      applies = not everywhere and pattern.tester(use.prefix) or nil,
    }
  end
  return kept
end

local function add_route(plan, uses, route, read)
  local leaf <const> = tree.leaf(plan.tree, read)
  local endpoint <const> = {
    run = compose(uses_for(uses, read), route.handler),
    names = read.names,
    pattern = read.text,
    options = route.options,
  }
  if route.method then leaf.methods[route.method] = endpoint else leaf.any = endpoint end
  plan.leaves[leaf] = true
end

--- The patterns of a route below a prefix: "/" is the prefix itself, with and without its slash.
local function patterns_below(prefix, read)
  local joined <const> = pattern.join(prefix, read)
  if #prefix.segments > 0 and read.text == "/" then return { prefix, joined } end
  return { joined }
end

--- Add a router and those mounted in it.  `outer` is the middleware in force around it.
local function add_router(plan, self, prefix, outer)
  local uses <const> = table.move(outer, 1, #outer, 1, {})
  for _, use in ipairs(self.uses) do
    local read <const> = #use.prefix.segments > 0 and pattern.join(prefix, use.prefix) or prefix
    local here <const> = { prefix = read, middleware = use.middleware }
    uses[#uses + 1] = here
    plan.uses[#plan.uses + 1] = here
  end
  for _, route in ipairs(self.routes) do
    for _, read in ipairs(patterns_below(prefix, route.pattern)) do
      add_route(plan, uses, route, read)
    end
  end
  for _, mount in ipairs(self.mounts) do
    add_router(plan, mount.app, pattern.join(prefix, mount.prefix), uses)
  end
end

--- What answers when no route does.
local function answer_without_route(routes)
  return function(req)
    local methods <const> = tree.methods(routes, req.path)
    if req.method == "OPTIONS" and req.path == "*" then return { status = 204 } end
    if not methods then return problem.response(404, req) end
    methods[#methods + 1] = "OPTIONS"
    local allow <const> = table.concat(methods, ", ")
    if req.method == "OPTIONS" then return { status = 204, headers = { allow = allow } } end
    local response <const> = problem.response(405, req)
    response.headers.allow = allow
    return response
  end
end

local function make_plan(self)
  local plan <const> = { tree = tree.new(), uses = {}, leaves = {} }
  add_router(plan, self, EVERYWHERE, {})
  for leaf in pairs(plan.leaves) do
    leaf.methods.HEAD = leaf.methods.HEAD or leaf.methods.GET
  end
  plan.otherwise = compose(uses_by_path(plan.uses), answer_without_route(plan.tree))
  self.plan = plan
  return plan
end

--- Answer a request: find the route, run its middleware and its handler.
---@async
---@param req lull.http.server.Request  gets `params` and `route`, the pattern
---@return any response  what the handler returned
function Router:handle(req)
  if class_of(self) ~= Router then check.self(self, Router, "handle") end
  local plan <const> = self.plan or make_plan(self)
  local endpoint <const>, params <const> = tree.find(plan.tree, req.method, req.path)
  if not endpoint then
    req.params = {}
    return plan.otherwise(req)
  end
  req.params = params
  req.route = endpoint.pattern
  if endpoint.options and req.configure then req:configure(endpoint.options) end
  return endpoint.run(req)
end

Router.__call = Router.handle

-- Registration ------------------------------------------------------------------------------

--- Call visit(router, pattern) for a router and all those it is mounted in.
local function each_place(self, read, visit)
  visit(self, read)
  for _, place in ipairs(self.places) do
    for _, joined in ipairs(patterns_below(place.prefix, read)) do
      each_place(place.app, joined, visit)
    end
  end
end

local function key_of(method, read)
  return (method or "any") .. " " .. pattern.shape(read)
end

--- Take the places of routes (method and pattern) in a router and those around it, or raise with
--- nothing taken.
local function claim(self, routes, name)
  for _, route in ipairs(routes) do
    each_place(self, route.pattern, function(app, place)
      local other <const> = app.taken[key_of(route.method, place)]
      if other then
        local text <const> = "%s %s matches what %s matches"
        check.fail(1, name, text:format(route.method or "any", place.text, other.pattern.text))
      end
    end)
  end
  for _, route in ipairs(routes) do
    each_place(self, route.pattern, function(app, place)
      app.taken[key_of(route.method, place)] = { method = route.method, pattern = place }
      app.plan = nil
    end)
  end
end

local function check_path(read, text, argument, name)
  check.type(text, argument, name, "string")
  local result <const>, why <const> = read(text)
  if not result then check.fail(argument, name, why) end
  return result
end

local function add(self, name, method, path, handler, options)
  local read <const> = check_path(pattern.read, path, 1, name)
  check.callable(handler, 2, name)
  check.options(options, 3, name, OPTIONS)
  local route <const> = { method = method, pattern = read, handler = handler, options = options }
  claim(self, { route }, name)
  self.routes[#self.routes + 1] = route
  return self
end

for _, method in ipairs { "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS" } do
  local name <const> = method:lower()
  Router[name] = function(self, path, handler, options)
    check.self(self, Router, name)
    return add(self, name, method, path, handler, options)
  end
end

--- Answer every method, unknown ones too, that the path has no handler of its own for.
---@param path string
---@param handler lull.http.Handler
---@param options? lull.http.RouteOptions
---@return lull.http.Router self
function Router:any(path, handler, options)
  check.self(self, Router, "any")
  return add(self, "any", nil, path, handler, options)
end

--- Answer a method of any name (methods are told apart by case).
---@param method string
---@param path string
---@param handler lull.http.Handler
---@param options? lull.http.RouteOptions
---@return lull.http.Router self
function Router:on(method, path, handler, options)
  check.self(self, Router, "on")
  check.type(method, 1, "on", "string")
  if not method:find("^[%w!#$%%&'*+.^_`|~-]+$") then check.fail(1, "on", "not a method") end
  return add(self, "on", method, path, handler, options)
end

--- Put middleware around the handlers: all of this router's, or those below a prefix.  The order
--- is that of the calls, the first outermost; routes that were there before are included.  What
--- has no route (404, 405, OPTIONS) passes through it, too.
---@param prefix string|lull.http.Middleware
---@param middleware? lull.http.Middleware
---@return lull.http.Router self
function Router:use(prefix, middleware)
  check.self(self, Router, "use")
  local read = EVERYWHERE
  if type(prefix) == "string" then
    read = check_path(pattern.read_prefix, prefix, 1, "use")
    check.callable(middleware, 2, "use")
  else
    check.callable(prefix, 1, "use")
    middleware = prefix
  end
  self.uses[#self.uses + 1] = { prefix = read, middleware = middleware }
  each_place(self, read, function(app) app.plan = nil end)
  return self
end

--- Is a router one of those that another is in?
local function is_around(candidate, self)
  local found = false
  each_place(self, EVERYWHERE, function(app) found = found or app == candidate end)
  return found
end

--- Put the routes of another router below a prefix, with its middleware around them.  Routes it
--- gets later are there, too.  Its route "/" is the prefix, with and without a slash at its end.
---@param prefix string
---@param app lull.http.Router
---@return lull.http.Router self
function Router:mount(prefix, app)
  check.self(self, Router, "mount")
  local read <const> = check_path(pattern.read_prefix, prefix, 1, "mount")
  if getmetatable(app) ~= Router then check.fail(2, "mount", "a router expected") end
  if is_around(app, self) then check.fail(2, "mount", "a router cannot be inside itself") end
  local routes <const> = {}
  for _, route in pairs(app.taken) do
    for _, below in ipairs(patterns_below(read, route.pattern)) do
      routes[#routes + 1] = { method = route.method, pattern = below }
    end
  end
  claim(self, routes, "mount")
  app.places[#app.places + 1] = { prefix = read, app = self }
  self.mounts[#self.mounts + 1] = { prefix = read, app = app }
  each_place(self, read, function(outer) outer.plan = nil end)
  return self
end

--- Answer with the files of a folder: GET and HEAD below the prefix.  See lull.http.static.
---@param prefix string
---@param dir string
---@param opts? lull.http.StaticOptions
---@return lull.http.Router self
function Router:static(prefix, dir, opts)
  check.self(self, Router, "static")
  local read <const> = check_path(pattern.read_prefix, prefix, 1, "static")
  local static <const> = require "lull.http.static"
  add(self, "static", "GET", read.text .. "/*path", static.new(dir, opts, 2))
  if read.text ~= "" then add(self, "static", "GET", read.text, static.redirect) end
  return self
end

local router = {}

--- A router without routes.
---@return lull.http.Router
function router.new()
  return setmetatable({ routes = {}, uses = {}, mounts = {}, places = {}, taken = {} }, Router)
end

return router
