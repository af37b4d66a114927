--- lull.http.problem: what a client is told when its request is not answered by a handler.
---
--- A line of text, or problem details (RFC 9457) for a client that prefers JSON.  Nothing of what
--- happened inside is in it: only the status, and a detail if the caller gives one.
local accept = require "lull.http.accept"

local problem = {}

--- Names of the statuses that errors have.
---@type table<integer, string>
problem.titles = {
  [400] = "Bad Request", [401] = "Unauthorized", [403] = "Forbidden", [404] = "Not Found",
  [405] = "Method Not Allowed", [406] = "Not Acceptable", [408] = "Request Timeout",
  [409] = "Conflict", [410] = "Gone", [411] = "Length Required",
  [412] = "Precondition Failed", [413] = "Content Too Large", [414] = "URI Too Long",
  [415] = "Unsupported Media Type", [416] = "Range Not Satisfiable",
  [417] = "Expectation Failed", [421] = "Misdirected Request",
  [422] = "Unprocessable Content", [425] = "Too Early", [426] = "Upgrade Required",
  [428] = "Precondition Required", [429] = "Too Many Requests",
  [431] = "Request Header Fields Too Large", [500] = "Internal Server Error",
  [501] = "Not Implemented", [502] = "Bad Gateway", [503] = "Service Unavailable",
  [504] = "Gateway Timeout", [505] = "HTTP Version Not Supported",
}

local TYPES <const> = { "text/plain", "application/problem+json", "application/json", "text/html" }

local function escape(char)
  return ("\\u%04x"):format(char:byte())
end

local function as_json(status, title, detail)
  local text <const> = detail and detail:gsub('[%c"\\\127-\255]', escape)
  local more <const> = text and (',"detail":"%s"'):format(text) or ""
  return ('{"status":%d,"title":"%s"%s}'):format(status, title, more)
end

--- A response for a status.
---@param status integer   400 to 599
---@param req? table       the request, whose Accept decides about the form
---@param detail? string   one line for the client, ASCII
---@return table response
function problem.response(status, req, detail)
  local title <const> = problem.titles[status] or "Error"
  local wanted <const> = accept.media(req and req.headers.accept, TYPES)
  if wanted and wanted:find("json", 1, true) then
    return {
      status = status,
      headers = { ["content-type"] = wanted, ["cache-control"] = "no-store" },
      body = as_json(status, title, detail) .. "\n",
    }
  end
  return {
    status = status,
    headers = { ["content-type"] = "text/plain; charset=utf-8", ["cache-control"] = "no-store" },
    body = ("%d %s%s\n"):format(status, title, detail and ": " .. detail or ""),
  }
end

return problem
