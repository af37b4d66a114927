--- http_router_spec.lua: routes, middleware and mounted routers.

local lull = require "lull"
local router = require "lull.http.router"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_request.lua")
local request, misuse = support.request, support.misuse

--- A handler that answers with its name.
local function named(name)
  return function() return name end
end

--- Middleware that marks what passes through it.
local function marking(mark)
  return function(req, next)
    local response = next(req)
    return mark .. (type(response) == "string" and response or tostring(response.status))
  end
end

local function get(app, path)
  return app(request("GET", path))
end

local function status(app, method, path)
  return app(request(method, path)).status
end

describe("a route", function()
  it("answers its path and no other", function()
    local app = router.new():get("/a/b", named "ab"):get("/", named "root")
    assert.are.equal("ab", get(app, "/a/b"))
    assert.are.equal("root", get(app, "/"))
    for _, path in ipairs { "/a", "/a/b/", "/a/b/c", "//a/b", "/A/b", "", "a/b", "/a//b" } do
      assert.are.equal(404, status(app, "GET", path), path)
    end
  end)

  it("takes parameters from the path", function()
    local app = router.new():get("/users/:id/posts/:post", function(req) return req.params end)
    assert.are.same({ id = "7", post = "x y" }, get(app, "/users/7/posts/x y"))
    assert.are.equal(404, status(app, "GET", "/users//posts/1"))
    assert.are.equal(404, status(app, "GET", "/users/7/posts/"))
    assert.are.equal(404, status(app, "GET", "/users/7/posts"))
  end)

  it("without parameters has a table of its own for them", function()
    local app = router.new():get("/", function(req)
      local before = next(req.params)
      req.params.x = 1
      return before or "empty"
    end)
    assert.are.equal("empty", get(app, "/"))
    assert.are.equal("empty", get(app, "/"))
  end)

  it("ends in a wildcard that takes the rest, even if that is empty", function()
    local app = router.new():get("/files/*path", function(req) return req.params.path end)
    assert.are.equal("a/b.c", get(app, "/files/a/b.c"))
    assert.are.equal("", get(app, "/files/"))
    assert.are.equal("/x", get(app, "/files//x"))
    assert.are.equal(404, status(app, "GET", "/files"))
  end)

  it("knows its pattern", function()
    local app = router.new():get("/users/:id", function(req) return req.route end)
    assert.are.equal("/users/:id", get(app, "/users/7"))
  end)

  it("gives its options to the request before the handler runs", function()
    local req = request("POST", "/up")
    function req:configure(options) self.options = options end
    local options = { max_body = 10, stream = true }
    local app = router.new():post("/up", function(r) return r.options end, options)
    assert.are.equal(options, app(req))
  end)
end)

describe("precedence", function()
  local app = router.new()
    :get("/users/*rest", named "wildcard")
    :get("/users/:id", named "parameter")
    :get("/users/me", named "literal")
    :get("/users/:id/posts", named "posts")
    :get("/users/me/files/:n", named "my file")
    :get("/:any/me/deep/er", named "deep")

  it("is literal, parameter, wildcard", function()
    assert.are.equal("literal", get(app, "/users/me"))
    assert.are.equal("parameter", get(app, "/users/you"))
    assert.are.equal("wildcard", get(app, "/users/you/more"))
    assert.are.equal("wildcard", get(app, "/users/"))
  end)

  it("goes back where a better beginning leads nowhere", function()
    assert.are.equal("posts", get(app, "/users/me/posts"))
    assert.are.equal("my file", get(app, "/users/me/files/1"))
    assert.are.equal("wildcard", get(app, "/users/me/files"))
    assert.are.equal("wildcard", get(app, "/users/me/deep/er"))
    assert.are.equal("deep", get(app, "/x/me/deep/er"))
  end)

  it("gives the parameters of the pattern that was taken only", function()
    local names = router.new()
      :get("/:a/x", function(req) return req.params end)
      :get("/:b/:c", function(req) return req.params end)
    assert.are.same({ a = "1" }, get(names, "/1/x"))
    assert.are.same({ b = "1", c = "2" }, get(names, "/1/2"))
  end)

  it("passes over patterns without the method", function()
    local mixed = router.new()
      :post("/users/me", named "post")
      :get("/users/:id", named "get")
      :any("/*path", named "any")
    assert.are.equal("get", get(mixed, "/users/me"))
    assert.are.equal("post", mixed(request("POST", "/users/me")))
    assert.are.equal("any", mixed(request("BREW", "/users/me")))
  end)

  it("of `any` is lower than that of a method at the same pattern", function()
    local both = router.new():any("/", named "any"):put("/", named "put")
    assert.are.equal("put", both(request("PUT", "/")))
    assert.are.equal("any", both(request("PATCH", "/")))
    assert.are.equal("any", both(request("any", "/")))
  end)
end)

describe("methods", function()
  local app = router.new():get("/x", named "get"):post("/x", named "post"):delete("/:id", named "delete")

  it("that a path does not have are a 405 with those of every pattern", function()
    local response = app(request("PUT", "/x"))
    assert.are.equal(405, response.status)
    assert.are.equal("DELETE, GET, HEAD, POST, OPTIONS", response.headers.allow)
  end)

  it("HEAD is GET, unless there is a handler for it", function()
    assert.are.equal("get", app(request("HEAD", "/x")))
    local own = router.new():get("/", named "get"):head("/", named "head")
    assert.are.equal("head", own(request("HEAD", "/")))
  end)

  it("OPTIONS is answered with Allow, unless there is a handler for it", function()
    local response = app(request("OPTIONS", "/x"))
    assert.are.equal(204, response.status)
    assert.are.equal("DELETE, GET, HEAD, POST, OPTIONS", response.headers.allow)
    assert.are.equal(404, status(app, "OPTIONS", "/x/y"))
    local own = router.new():options("/", named "own")
    assert.are.equal("own", own(request("OPTIONS", "/")))
  end)

  it("OPTIONS * is answered for the server", function()
    assert.are.equal(204, status(app, "OPTIONS", "*"))
    assert.are.equal(404, status(app, "GET", "*"))
  end)

  it("of any name can be had", function()
    local dav = router.new():on("PROPFIND", "/", named "found")
    assert.are.equal("found", dav(request("PROPFIND", "/")))
    assert.are.equal(405, status(dav, "propfind", "/"))
  end)
end)

describe("middleware", function()
  it("runs around handlers in the order of use, whenever they were added", function()
    local app = router.new():use(marking "1"):get("/", named "x"):use(marking "2")
    assert.are.equal("12x", get(app, "/"))
    app:use(marking "3")
    assert.are.equal("123x", get(app, "/"))
  end)

  it("of a prefix runs there and below only", function()
    local app = router.new():use("/admin", marking "!")
    for _, path in ipairs { "/admin", "/admin/", "/admin/x", "/administrator", "/x/admin" } do
      app:get(path, named "x")
    end
    assert.are.equal("!x", get(app, "/admin"))
    assert.are.equal("!x", get(app, "/admin/"))
    assert.are.equal("!x", get(app, "/admin/x"))
    assert.are.equal("x", get(app, "/administrator"))
    assert.are.equal("x", get(app, "/x/admin"))
  end)

  it("of a prefix sees requests that come there by a parameter or a wildcard", function()
    local app = router.new():use("/admin/users", marking "!")
      :get("/:section/users", named "p"):get("/*path", named "w")
    assert.are.equal("!p", get(app, "/admin/users"))
    assert.are.equal("p", get(app, "/public/users"))
    assert.are.equal("!w", get(app, "/admin/users/7"))
    assert.are.equal("w", get(app, "/admin/usersx"))
  end)

  it("may have parameters in its prefix, and characters that patterns know", function()
    local app = router.new():use("/:tenant/a-b.c", marking "!"):get("/*path", named "w")
    assert.are.equal("!w", get(app, "/t/a-b.c/x"))
    assert.are.equal("w", get(app, "/t/a-bxc/x"))
    assert.are.equal("w", get(app, "/a-b.c/x"))
  end)

  it("sees what has no route", function()
    local app = router.new():use(marking "!"):use("/in", marking "?"):get("/x", named "x")
    assert.are.equal("!404", get(app, "/y"))
    assert.are.equal("!?404", get(app, "/in/y"))
    assert.are.equal("!405", app(request("PUT", "/x")))
    assert.are.equal("!204", app(request("OPTIONS", "/x")))
  end)

  it("may answer itself, and change the request", function()
    local app = router.new()
      :use(function(req, next)
        if req.headers.secret then return next(req) end
        return { status = 401 }
      end)
      :use(function(req, next)
        req.user = "me"
        return next(req)
      end)
      :get("/", function(req) return req.user end)
    assert.are.equal(401, get(app, "/").status)
    assert.are.equal("me", app(request("GET", "/", { headers = { secret = "x" } })))
  end)

  it("may wait", function()
    local app = router.new()
      :use(function(req, next)
        lull.yield()
        return next(req)
      end)
      :get("/", named "x")
    assert.are.equal("x", get(app, "/"))
  end)

  it("gets what the handler raises", function()
    local app = router.new()
      :use(function(req, next)
        local ok, err = pcall(next, req)
        return ok and "fine" or err
      end)
      :get("/", support.raiser and support.raiser "broken" or function() error("broken", 0) end)
    assert.are.equal("broken", get(app, "/"))
  end)
end)

describe("mounting", function()
  it("puts routes below a prefix", function()
    local api = router.new():get("/users/:id", function(req) return req.params.id end)
    local app = router.new():mount("/api", api)
    assert.are.equal("7", get(app, "/api/users/7"))
    assert.are.equal(404, status(app, "GET", "/users/7"))
    assert.are.equal("7", get(api, "/users/7"))
  end)

  it("makes the route / of the mounted the prefix, with and without a slash", function()
    local app = router.new():mount("/api/", router.new():get("/", named "root"))
    assert.are.equal("root", get(app, "/api"))
    assert.are.equal("root", get(app, "/api/"))
  end)

  it("works at the root, and with parameters in the prefix", function()
    local inner = router.new():get("/x/:b", function(req) return req.params end)
    local app = router.new():mount("/", router.new():get("/", named "root")):mount("/:a", inner)
    assert.are.equal("root", get(app, "/"))
    assert.are.same({ a = "1", b = "2" }, get(app, "/1/x/2"))
  end)

  it("nests", function()
    local c = router.new():get("/c", named "c"):get("/", named "root of c")
    local app = router.new():mount("/a", router.new():mount("/b", c))
    assert.are.equal("c", get(app, "/a/b/c"))
    assert.are.equal("root of c", get(app, "/a/b"))
  end)

  it("includes routes and middleware that come later", function()
    local inner = router.new()
    local app = router.new():mount("/a", inner)
    assert.are.equal(404, status(app, "GET", "/a/x"))
    inner:get("/x", named "x")
    assert.are.equal("x", get(app, "/a/x"))
    inner:use(marking "!")
    assert.are.equal("!x", get(app, "/a/x"))
  end)

  it("keeps the middleware of the mounted around its routes, inside the outer", function()
    local inner = router.new():use(marking "2"):use("/deep", marking "3")
      :get("/x", named "x"):get("/deep/x", named "x")
    local app = router.new():use(marking "1"):mount("/a", inner):get("/a/other", named "o")
    assert.are.equal("12x", get(app, "/a/x"))
    assert.are.equal("123x", get(app, "/a/deep/x"))
    assert.are.equal("1o", get(app, "/a/other"))
    assert.are.equal("12404", get(app, "/a/none"))
    assert.are.equal("1404", get(app, "/none"))
  end)
end)

describe("registration", function()
  it("refuses what matches the same", function()
    local app = router.new():get("/users/:id", print):any("/any", print)
    misuse(app.get, app, "/users/:name", print)
    misuse(app.any, app, "/any", print)
    app:post("/users/:name", print):get("/any", print):get("/users/x", print)
  end)

  it("refuses it across mounts, with nothing done", function()
    local inner = router.new():get("/b", print):get("/c", print)
    local app = router.new():get("/a/c", named "outer")
    misuse(app.mount, app, "/a", inner)
    assert.are.equal(404, status(app, "GET", "/a/b"))
    app:get("/a/b", named "free")
    assert.are.equal("free", get(app, "/a/b"))
    local later = router.new()
    app:mount("/later", later):get("/later/x", print)
    misuse(later.get, later, "/x", print)
    assert.are.equal(404, status(later, "GET", "/x"))
  end)

  it("refuses what is no pattern", function()
    local app = router.new()
    for _, path in ipairs {
      "", "x", "/:", "/:1", "/:a.b", "/*", "/*a/b", "/:a/:a", "/:a/*a", "/a?b", "/a#b", "/a\0",
      "/.", "/a/../b", "/{id}", "/users/{id}/x", "/a{", 1, {}, false,
    } do
      misuse(app.get, app, path, print)
    end
    misuse(app.use, app, "/*a", print)
    misuse(app.use, app, "", print)
  end)

  it("refuses what is no handler, option, method or router", function()
    local app = router.new()
    misuse(app.get, app, "/")
    misuse(app.get, app, "/", 1)
    misuse(app.get, app, "/", print, { max_bodi = 1 })
    misuse(app.get, app, "/", print, { max_body = "1" })
    misuse(app.get, app, "/", print, { max_body = -1 })
    misuse(app.use, app)
    misuse(app.use, app, "/x")
    misuse(app.on, app, "GE T", "/", print)
    misuse(app.mount, app, "/x", {})
    misuse(app.mount, app, "/x", app)
    local outer = router.new():mount("/x", app)
    misuse(app.mount, app, "/y", outer)
  end)

  it("says what is wrong at the caller", function()
    local ok, message = pcall(function() router.new():get("users", print) end)
    assert.is_false(ok)
    assert.matches("http_router_spec.lua:%d+: bad argument #1 to 'get'", message)
    local _, braces = pcall(function() router.new():get("/users/{id}", print) end)
    assert.is_truthy(braces:find("a parameter is written ':id': '{id}'", 1, true), braces)
  end)
end)

describe("a response without a route", function()
  it("is text, or problem details for who prefers JSON", function()
    local app = router.new()
    local text = get(app, "/<script>")
    assert.are.equal("404 Not Found\n", text.body)
    assert.are.equal("text/plain; charset=utf-8", text.headers["content-type"])
    local json = app(request("GET", "/", { headers = { accept = "application/json" } }))
    assert.are.equal('{"status":404,"title":"Not Found"}\n', json.body)
    assert.are.equal("application/json", json.headers["content-type"])
    local browser = app(request("GET", "/", { headers = { accept = "text/html,*/*;q=0.8" } }))
    assert.matches("text/plain", browser.headers["content-type"])
  end)
end)
