---@meta lull.http.router
--
-- Definitions for editors: which handler answers a request.

---@class lull.http.router
local router = {}

--- Answers a request: with a string, a table, or a function that is called for pieces.
---@alias lull.http.Handler async fun(req: table): any

--- Stands around handlers: `next(req)` goes on.
---@alias lull.http.Middleware async fun(req: table, next: lull.http.Handler): any

---@class lull.http.RouteOptions
---@field max_body? integer              bytes of a body; the server's
---@field body_timeout? number           seconds that a body may bring nothing; the server's
---@field cancel_on_disconnect? boolean  cancel the handler when the client has gone
---@field stream? boolean                the body is read in pieces

--- A router without routes: `http.router()`.
---@return lull.http.Router
function router.new() end

-- Router ----------------------------------------------------------------------------------

--- Which handler answers a request; itself a handler.  In a path ":name" is one segment and
--- "*name", at its end, the rest.  Literals go before parameters, those before wildcards.
---@class lull.http.Router
local Router = {}

--- Answer GET, and HEAD.
---@param path string
---@param handler lull.http.Handler
---@param options? lull.http.RouteOptions
---@return lull.http.Router self
function Router:get(path, handler, options) end

--- Answer POST.
---@param path string
---@param handler lull.http.Handler
---@param options? lull.http.RouteOptions
---@return lull.http.Router self
function Router:post(path, handler, options) end

--- Answer PUT.
---@param path string
---@param handler lull.http.Handler
---@param options? lull.http.RouteOptions
---@return lull.http.Router self
function Router:put(path, handler, options) end

--- Answer PATCH.
---@param path string
---@param handler lull.http.Handler
---@param options? lull.http.RouteOptions
---@return lull.http.Router self
function Router:patch(path, handler, options) end

--- Answer DELETE.
---@param path string
---@param handler lull.http.Handler
---@param options? lull.http.RouteOptions
---@return lull.http.Router self
function Router:delete(path, handler, options) end

--- Answer HEAD otherwise than GET's handler does.
---@param path string
---@param handler lull.http.Handler
---@param options? lull.http.RouteOptions
---@return lull.http.Router self
function Router:head(path, handler, options) end

--- Answer OPTIONS otherwise than with Allow.
---@param path string
---@param handler lull.http.Handler
---@param options? lull.http.RouteOptions
---@return lull.http.Router self
function Router:options(path, handler, options) end

--- Answer every method that the path has no other handler for.
---@param path string
---@param handler lull.http.Handler
---@param options? lull.http.RouteOptions
---@return lull.http.Router self
function Router:any(path, handler, options) end

--- Answer a method of any name.
---@param method string
---@param path string
---@param handler lull.http.Handler
---@param options? lull.http.RouteOptions
---@return lull.http.Router self
function Router:on(method, path, handler, options) end

--- Put middleware around all handlers, or those below a prefix, and around what has none.
---@param prefix string|lull.http.Middleware
---@param middleware? lull.http.Middleware
---@return lull.http.Router self
function Router:use(prefix, middleware) end

--- Put another router's routes below a prefix.
---@param prefix string
---@param app lull.http.Router
---@return lull.http.Router self
function Router:mount(prefix, app) end

--- Answer with the files of a folder.  Raises `io` when there is none.
---@param prefix string
---@param dir string
---@param opts? lull.http.StaticOptions
---@return lull.http.Router self
function Router:static(prefix, dir, opts) end

--- Answer a request.
---@async
---@param req table
---@return any response
function Router:handle(req) end

return router
