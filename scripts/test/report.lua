--- lull.test.report: what happened in a process of --jobs, written there and told again here.
--
-- Files are Lua tables, as text.  The elements of busted (files, describes, tests, hooks) are
-- numbered, parents before their children; events name them by their numbers.
local core = require "lull.core"

local report = {}

local SCALARS <const> = { string = true, number = true, boolean = true }

local function write(into, value)
  if type(value) ~= "table" then
    into[#into + 1] = ("%q"):format(value)
    return
  end
  into[#into + 1] = "{"
  for key, item in pairs(value) do
    if SCALARS[type(key)] and (SCALARS[type(item)] or type(item) == "table") then
      into[#into + 1] = ("[%q]="):format(key)
      write(into, item)
      into[#into + 1] = ","
    end
  end
  into[#into + 1] = "}\n"
end

--- Write a table of strings, numbers, booleans and such tables.
---@param path string
---@param value table
function report.save(path, value)
  local parts <const> = { "return " }
  write(parts, value)
  local file <const> = assert(io.open(path, "w"))
  assert(file:write(table.concat(parts)))
  assert(file:close())
end

--- Read it again; nil when it is not there, or not whole.  Not by loadfile, of which --watch hears.
---@param path string
---@return table?
function report.load(path)
  local file <close> = io.open(path)
  local chunk <const> = file and load(file:read "a", "=" .. path, "t", {})
  return chunk and chunk()
end

--- The options that a process was started with.
---@return lull.test.Options?
---@return string? complaint
function report.options(path)
  local opts <const> = report.load(path)
  if not opts then return nil, ("cannot read '%s'"):format(path) end
  return opts
end

--- The values of a table that can be written.
local function scalars_of(from)
  local copy <const> = {}
  for key, value in pairs(from or {}) do
    if SCALARS[type(key)] and SCALARS[type(value)] then copy[key] = value end
  end
  return copy
end

local function trace_of(trace)
  return type(trace) == "table" and scalars_of(trace) or nil
end

--- Note all that busted tells.
---@param busted table
---@param opts lull.test.Options
---@return fun() finish  writes it to opts.report
function report.record(busted, opts)
  local elements <const>, numbers <const>, events <const> = {}, {}, {}

  local function number_of(element)
    if numbers[element] then return numbers[element] end
    local parent <const> = busted.context.parent(element)
    local owner <const> = parent and number_of(parent) or 0
    if not parent and element.descriptor ~= "file" and element == busted.context.get() then return 0 end
    table.insert(elements, { element = element, parent = owner })
    numbers[element] = #elements
    return #elements
  end

  local function note(kind, phase)
    busted.subscribe(phase and { kind, phase } or { kind }, function(element, _, message, trace)
      table.insert(events, { kind = kind, phase = phase, element = number_of(element),
        message = SCALARS[type(message)] and message or message ~= nil and tostring(message) or nil,
        trace = trace_of(trace) })
      return nil, true
    end)
  end
  for _, kind in ipairs { "file", "describe", "test" } do
    note(kind, "start")
    note(kind, "end")
  end
  for _, kind in ipairs { "pending", "failure", "error" } do note(kind) end

  return function()
    local written <const> = {}
    for i, each in ipairs(elements) do
      written[i] = scalars_of(each.element)
      written[i].parent = each.parent
      written[i].trace = trace_of(each.element.trace)
    end
    report.save(opts.report, {
      elements = written, events = events, counts = opts.coverage and core.covered() or nil,
    })
  end
end

--- Tell it to a busted, as if it happened there.
---@param busted table
---@param saved table  of report.load
function report.replay(busted, saved)
  local context <const> = busted.context
  local elements <const> = { [0] = context.get() }
  for i, element in ipairs(saved.elements) do
    elements[i] = element
    local parent <const> = element.parent
    element.parent, element.attributes = nil, {}
    if parent > 0 then context.push(elements[parent]) end
    context.attach(element)
    if parent > 0 then context.pop() end
  end
  for _, event in ipairs(saved.events) do
    local element <const> = elements[event.element]
    local channel <const> = { event.kind, event.phase or element.descriptor }
    busted.publish(channel, element, context.parent(element), event.message, event.trace)
  end
end

return report
