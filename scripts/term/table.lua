--- lull.term.table: rows with their columns one below the other.
local cells = require "lull.term.cells"
local check = require "lull.check"

local GAP <const> = "  "
local LEAST <const> = 4 -- cells to which a column is narrowed

local ALIGN <const> = { left = true, right = true, center = true }

---@class lull.term.TableOptions
---@field header? string[]
---@field align? ("left"|"right"|"center")[]
---@field width? integer
---@field wrap? boolean

--- A cell as text.
local function text_of(value)
  if value == nil then return "" end
  return cells.clean(tostring(value), true)
end

--- The widest line of a text.
local function widest(text)
  local most = 0
  for line in (text .. "\n"):gmatch "(.-)\n" do most = math.max(most, cells.width(line)) end
  return most
end

--- All cells as texts, and how wide each column would like to be.
local function measure(rows)
  local texts <const>, widths <const> = {}, {}
  for i, row in ipairs(rows) do
    texts[i] = {}
    local count = 0
    for column in pairs(row) do
      if math.type(column) == "integer" and column > 0 then count = math.max(count, column) end
    end
    for column = 1, count do
      local text <const> = text_of(row[column])
      texts[i][column] = text
      for k = #widths + 1, column do widths[k] = 0 end
      widths[column] = math.max(widths[column], widest(text))
    end
  end
  return texts, widths
end

--- Narrow the widest columns until all fit.
local function narrow(widths, available)
  local sum = #GAP * math.max(#widths - 1, 0)
  for _, width in ipairs(widths) do sum = sum + width end
  while sum > available do
    local most, second, count = LEAST, LEAST, 0
    for _, width in ipairs(widths) do
      if width > most then
        most, second, count = width, most, 1
      elseif width == most then
        count = count + 1
      elseif width > second then
        second = width
      end
    end
    if most == LEAST then return end
    local step <const> = math.max(1, math.min(most - second, (sum - available) // math.max(count, 1)))
    for column, width in ipairs(widths) do
      if width == most and sum > available then
        widths[column] = width - step
        sum = sum - step
      end
    end
  end
end

--- The lines of one cell.
local function lines_of(text, width, wrap)
  if wrap then return cells.wrap(text, math.max(width, 1)) end
  return { cells.truncate((text:gsub("\n", " ")), width) }
end

--- Append the lines of a row.
local function add_row(out, row, widths, opts)
  local columns <const>, height = {}, 1
  for column, width in ipairs(widths) do
    columns[column] = lines_of(row[column] or "", width, opts.wrap)
    height = math.max(height, #columns[column])
  end
  for i = 1, height do
    local line <const> = {}
    for column, width in ipairs(widths) do
      local align <const> = opts.align and opts.align[column]
      line[column] = cells.pad(cells.truncate(columns[column][i] or "", width), width, align)
    end
    out[#out + 1] = table.concat(line, GAP):match "^.*[^ ]" or ""
  end
end

--- Lay out a table.
---@param rows any[][]
---@param opts lull.term.TableOptions
---@param available integer  cells
---@param bold fun(text: string): string
---@return string  ends with a newline, unless there is nothing in it
local function layout(rows, opts, available, bold)
  for column, align in pairs(opts.align or {}) do
    if not ALIGN[align] then
      check.fail(2, "table", ("align[%s] must be left, right or center"):format(tostring(column)))
    end
  end
  local all <const> = {}
  if opts.header then all[1] = opts.header end
  for i, row in ipairs(rows) do
    if type(row) ~= "table" then check.fail(1, "table", ("row %d is no table"):format(i)) end
    all[#all + 1] = row
  end
  local texts <const>, widths <const> = measure(all)
  narrow(widths, available)
  local out <const> = {}
  for i, row in ipairs(texts) do
    add_row(out, row, widths, opts)
    if i == 1 and opts.header then
      for k = 1, #out do out[k] = bold(out[k]) end
      local rule <const> = {}
      for column, width in ipairs(widths) do rule[column] = ("-"):rep(width) end
      out[#out + 1] = table.concat(rule, GAP)
    end
  end
  return #out > 0 and table.concat(out, "\n") .. "\n" or ""
end

return layout
