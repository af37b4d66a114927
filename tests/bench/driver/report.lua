--- driver.report: medians, ratios, tables and goals.
local report = {}

---@param list number[]
---@return number
function report.median(list)
  local sorted <const> = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  local half <const> = #sorted // 2
  return #sorted % 2 == 1 and sorted[half + 1] or (sorted[half] + sorted[half + 1]) / 2
end

local function field(row, name)
  local values <const> = {}
  for i, fields in ipairs(row.samples) do
    values[i] = fields[name]
  end
  return values
end

--- The median of the ratios round by round: runs of one round are neighbours
--- in time, so a change of the machine's clock touches both.
---@param row bench.Row
---@param to bench.Row
---@param name? string   of the field, ns
---@param plus? number   added to the field of `to`
---@return number?
function report.ratio(row, to, name, plus)
  local ratios <const> = {}
  name = name or "ns"
  for i = 1, math.min(#row.samples, #to.samples) do
    ratios[i] = row.samples[i][name] / (to.samples[i][name] + (plus or 0))
  end
  return #ratios > 0 and report.median(ratios) or nil
end

local function time_text(ns)
  if ns < 1000 then
    return ("%.1f ns"):format(ns)
  elseif ns < 1e6 then
    return ("%.2f us"):format(ns / 1e3)
  end
  return ("%.2f ms"):format(ns / 1e6)
end

local function size_text(bytes)
  return bytes < 65536 and ("%.0f B"):format(bytes) or ("%.2f MiB"):format(bytes / 1048576)
end

local function ratio_text(row, to, name)
  local ratio <const> = to and report.ratio(row, to, name)
  return ratio and ("%.2f"):format(ratio) or "-"
end

local function print_columns(lines)
  local widths <const> = {}
  for _, line in ipairs(lines) do
    for i, cell in ipairs(line) do
      widths[i] = math.max(widths[i] or 0, #cell)
    end
  end
  for _, line in ipairs(lines) do
    local cells <const> = {}
    for i, cell in ipairs(line) do
      local pad <const> = (" "):rep(widths[i] - #cell)
      cells[i] = i == 1 and cell .. pad or pad .. cell
    end
    print("  " .. (table.concat(cells, "  "):gsub("%s+$", "")))
  end
end

local function by_label(rows)
  local found <const> = {}
  for _, row in ipairs(rows) do
    if #row.samples > 0 then
      found[row.label] = row
    end
  end
  return found
end

--- Appends the columns of the second field: its median and its ratios.
local function add_columns(cells, measure, row, found)
  local name <const> = measure.also
  local values <const> = row and field(row, name)
  local base <const>, lull <const> = found[measure.base], found["lull" .. (row and row.suffix or "")]
  local added <const> = row
    and { time_text(report.median(values)), ratio_text(row, base, name), ratio_text(row, lull, name) }
    or { name, "x " .. measure.base, "x lull" }
  table.move(added, 1, #added, #cells + 1, cells)
end

---@param measure bench.Measure
---@param rows bench.Row[]
function report.print_table(measure, rows)
  local found <const> = by_label(rows)
  local lines <const> = {
    { "", "median", "least", "most", "x " .. measure.base, "x lull", "runs" },
  }
  local with_rss = false
  if measure.also then
    add_columns(lines[1], measure, nil, found)
  end
  for _, row in ipairs(rows) do
    local times <const> = field(row, "ns")
    if #times > 0 then
      local sizes <const> = field(row, "rss")
      lines[#lines + 1] = {
        row.label, time_text(report.median(times)), time_text(math.min(table.unpack(times))),
        time_text(math.max(table.unpack(times))), ratio_text(row, found[measure.base]),
        ratio_text(row, found["lull" .. row.suffix]), tostring(#times),
      }
      if measure.also then
        add_columns(lines[#lines], measure, row, found)
      end
      if #sizes > 0 then
        table.insert(lines[#lines], size_text(report.median(sizes)))
      end
      with_rss = with_rss or #sizes > 0
    end
  end
  if with_rss then
    table.insert(lines[1], "memory")
  end
  print("\n" .. measure.title)
  print_columns(lines)
end

local function goal_value(goal, found)
  local row <const> = found[goal.of]
  if not row then
    return nil
  elseif goal.field then
    return report.median(field(row, goal.field))
  end
  local to <const> = found[goal.to]
  return to and report.ratio(row, to, goal.by, goal.plus)
end

---@param goal bench.Goal
---@param found table<string, bench.Row>
---@return string state, string value, string by
local function judge(goal, found)
  local value <const> = goal_value(goal, found)
  if not value then
    local missing <const> = found[goal.of] and goal.to or goal.of
    return "open", "-", missing .. " was not measured"
  end
  local limit <const> = goal.max or goal.min
  local text <const> = goal.field == "ns" and ("%.1f ms"):format(value / 1e6)
    or goal.field and size_text(value) or ("%.2f"):format(value)
  local met <const> = goal.max and value <= limit or goal.min and value >= limit or false
  local percent <const> = math.abs(value / limit - 1) * 100
  return met and "met" or "missed", text, ("by %.0f%%"):format(percent)
end

--- Prints the goals of a measure and adds them to the summary.
---@param measure bench.Measure
---@param rows bench.Row[]
---@param summary { met: integer, missed: string[], open: integer }
function report.print_goals(measure, rows, summary)
  local found <const> = by_label(rows)
  local lines <const> = {}
  for _, goal in ipairs(measure.goals) do
    local state <const>, value <const>, by <const> = judge(goal, found)
    lines[#lines + 1] = { "goal " .. goal.text, value, state .. (state == "open" and ", " or " ") .. by }
    if state == "missed" then
      table.insert(summary.missed, ("%s: %s: %s, missed %s"):format(measure.name, goal.text, value, by))
    else
      summary[state] = summary[state] + 1
    end
  end
  print_columns(lines)
end

---@param summary { met: integer, missed: string[], open: integer }
function report.print_summary(summary)
  print(("\ngoals: %d met, %d missed, %d open"):format(summary.met, #summary.missed, summary.open))
  for _, line in ipairs(summary.missed) do
    print("  " .. line)
  end
end

return report
