--- lull.http.download: files, fetched whole or not at all.
--
-- The bytes go to a file beside the target, which takes its name when it is complete.  With
-- `resume` that file has a fixed name and stays after a failure, and beside it what the server
-- said identifies the contents: the next call asks for the rest, on the condition that they are
-- still the same (If-Range, RFC 9110, 13.1.5).  Without such a validator nothing is resumed.
local check = require "lull.check"
local core = require "lull.core"
local files = require "lull.http.file.native"
local lull = require "lull"
local options = require "lull.http.options"

local download = {}

---@class lull.http.DownloadOptions: lull.http.RequestOptions
---@field progress? true|fun(done: integer, total: integer?)  after each piece; true: a bar on
---  standard error
---@field resume? boolean  go on where a call before has stopped

local OWN <const> = { progress = true, resume = true }
local OP <const> = "http.download"

local function raise(kind, message, fields)
  fields = fields or {}
  fields.op = OP
  error(lull.new_error(kind, message, fields), 0)
end

--- What the io library gave for a call on a file: raises its error, as lull.fs would.
local function must(path, result, message, errno)
  if result then return result end
  if message:sub(1, #path + 2) ~= path .. ": " then message = path .. ": " .. message end
  raise("io", message, { path = path, code = errno and core.errno_name(errno) })
end

local function open(path, mode)
  return must(path, io.open(path, mode))
end

-- ---- what is there from before ----

--- A validator that promises the same bytes: a strong ETag, or else a date.
local function validator_of(res)
  local tag <const> = res.headers["etag"]
  if tag and not tag:find("^W/") then return tag end
  return res.headers["last-modified"]
end

local function note_path(part)
  return part .. ".from"
end

--- Bytes that are there and can be gone on from, and their validator.
local function remains(part, url)
  local note <close> = io.open(note_path(part), "rb")
  local file <close> = io.open(part, "rb")
  if not note or not file then return 0 end
  local from <const>, validator <const> = note:read("l", "l")
  if from ~= url or not validator or validator == "" then return 0 end
  return file:seek("end"), validator
end

local function take_note(part, url, validator)
  if not validator then
    os.remove(note_path(part))
    return
  end
  local note <close> = open(note_path(part), "wb")
  must(note_path(part), note:write(url, "\n", validator, "\n"))
  must(note_path(part), note:flush())
end

-- ---- one response ----

--- Where its bytes belong, and how many there are in all; nil: it is no part of what was asked.
local function placed(res, at)
  if res.status ~= 206 then
    return 0, math.tointeger(tonumber(res.headers["content-length"]))
  end
  local first <const>, total <const> = (res.headers["content-range"] or ""):match("^bytes (%d+)%-%d+/(.+)$")
  if math.tointeger(tonumber(first)) ~= at then return nil end
  return at, math.tointeger(tonumber(total))
end

--- Write a body behind the `at` bytes that are there.
local function save(res, part, at, total, progress)
  local file <close> = open(part, at > 0 and "r+b" or "wb")
  file:setvbuf("no") -- the pieces are large
  local done = at
  if at > 0 then must(part, file:seek("set", at)) end
  if progress then progress(done, total) end
  for piece in function() return res:read_some() end do
    must(part, file:write(piece))
    done = done + #piece
    if progress then progress(done, total) end
  end
  must(part, file:close())
  if total and done ~= total then
    raise("http", ("%s: %d bytes came in place of %d"):format(res.url:match("^[^?]*"), done, total))
  end
end

local function request(client, target, opts, at, validator)
  local fields <const> = { ["Accept-Encoding"] = "identity" } -- ranges are of the bytes as sent
  for name, value in pairs(opts.headers or {}) do fields[name] = value end
  if at > 0 then
    fields["Range"] = ("bytes=%d-"):format(at)
    fields["If-Range"] = validator
  end
  local asked <const> = { stream = true, headers = fields }
  for key, value in pairs(opts) do
    if not OWN[key] and key ~= "headers" then asked[key] = value end
  end
  return client:get(target, asked)
end

--- Is all of it there already?  The answer to a range behind the end says how long it is.
local function is_complete(res, at)
  return res.status == 416 and res.headers["content-range"] == ("bytes */%d"):format(at)
end

--- Fetch into `part`.
local function fetch(client, target, part, opts, progress)
  local at, validator = 0, nil
  if opts.resume then at, validator = remains(part, target) end
  while true do
    local res <close> = request(client, target, opts, at, validator)
    if at > 0 and is_complete(res, at) then return res end
    local first <const>, total <const> = placed(res, at)
    local again <const> = at > 0 and (res.status == 416 or not first)
    if not again then
      res:raise_for_status()
      if res.status ~= 200 and res.status ~= 206 or not first then
        raise("http", ("%s answered %d: no file"):format(res.url:match("^[^?]*"), res.status))
      end
      if opts.resume and first == 0 then take_note(part, target, validator_of(res)) end
      save(res, part, first, total, progress)
      return res
    end
    at = 0 -- what is there is of no use: from the beginning
  end
end

local function random_part(path)
  return ("%s.%08x.part"):format(path, math.random(0) & 0xFFFFFFFF)
end

--- Fetch a file.
---@async
---@param client lull.http.Client
---@param target string
---@param path string
---@param opts? lull.http.DownloadOptions
---@return lull.http.Response
function download.run(client, target, path, opts)
  check.type(target, 1, "download", "string")
  check.type(path, 2, "download", "string")
  check.type(opts, 3, "download", "table", true)
  opts = opts or {}
  local rest <const> = {}
  for key, value in pairs(opts) do
    if not OWN[key] then rest[key] = value end
  end
  options.check_request(rest, 3, "download")
  if path == "" or path:find("\0", 1, true) then check.fail(2, "download", "not a path") end
  local progress = opts.progress
  local bar <close> = progress == true
    and require("lull.term").progress { label = path:match("[^/]*$"), unit = "bytes" } or nil
  if bar then
    function progress(done, total)
      bar:set_total(total)
      bar:update(done)
    end
  end
  if progress then check.callable(progress, 3, "download") end
  files.permit(path)
  local part <const> = opts.resume and path .. ".part" or random_part(path)
  local _ <close> = setmetatable({}, { __close = function(_, err)
    if err ~= nil and not opts.resume then os.remove(part) end
  end })
  local res <const> = fetch(client, target, part, opts, progress)
  must(path, os.rename(part, path))
  if opts.resume then os.remove(note_path(part)) end
  return res
end

return download
