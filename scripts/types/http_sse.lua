---@meta lull.http.sse
--
-- Definitions for editors: server-sent events, as a response.

---@class lull.http.sse
local sse = {}

---@class lull.http.Event
---@field data? string    the text; its lines stay lines
---@field event? string   the name; "message" for who listens
---@field id? string      what a client sends as Last-Event-ID when it comes again
---@field retry? integer  milliseconds until it comes again

---@class lull.http.EventsOptions
---@field heartbeat? number  seconds without an event until a comment is sent; 15

--- A response that sends events for as long as a function runs: `http.sse(fn)`.
---@param fn async fun(events: lull.http.Events)
---@param opts? lull.http.EventsOptions
---@return table response
function sse.new(fn, opts) end

-- Events ----------------------------------------------------------------------------------

--- What events are sent with.
---@class lull.http.Events
local Events = {}

--- Send an event: its text, or a table.  Waits while the client is slow; raises `closed` when
--- the response is over.
---@async
---@param event string|lull.http.Event
---@return lull.http.Events self
function Events:send(event) end

--- Send a comment, which no one sees.
---@async
---@param text? string
---@return lull.http.Events self
function Events:comment(text) end

return sse
