--- lull.test.tree: parts of lull.tree(), for messages.
local lull = require "lull"

local tree = {}

--- What the line of a task starts with after its indentation.
local function is_about(line, task)
  local _, indent <const> = line:find "^ *"
  return line:sub(indent + 1, indent + #task.name) == task.name
end

--- A task and what it owns: what each waits for, since when and where.
---@param task lull.Task
---@param omit string  lines with this text are left out
---@return string
function tree.below(task, omit)
  local lines <const>, depth = {}, nil
  for line in lull.tree():gmatch "[^\n]+" do
    local _, indent <const> = line:find "^ *"
    if depth and indent <= depth then break end
    if not depth and is_about(line, task) then depth = indent end
    if depth and not line:find(omit, 1, true) then
      lines[#lines + 1] = "  " .. line:sub(depth + 1)
    end
  end
  return table.concat(lines, "\n")
end

--- One line for each of these tasks.
---@param tasks lull.Task[]
---@return string
function tree.of(tasks)
  local lines <const> = {}
  for line in lull.tree():gmatch "[^\n]+" do
    for _, task in ipairs(tasks) do
      if is_about(line, task) then
        lines[#lines + 1] = "  " .. line:match "^ *(.*)"
        break
      end
    end
  end
  return table.concat(lines, "\n")
end

return tree
