--- lull.doc.render: entries of the reference as text for a terminal.
local cells = require "lull.term.cells"
local color = require "lull.term.color"
local screen = require "lull.term.screen"
local types = require "lull.doc.types"

local MIN_WIDTH <const> = 30
local MAX_WIDTH <const> = 100 -- longer lines are hard to read
local NARROW <const> = 15 -- a column with less is no column
local FEW <const> = 6 -- so many alternatives are told with what they mean
local MAX_COLUMN <const> = 28 -- names and types beyond it have what follows on the next line

---@class lull.doc.Page
---@field known lull.doc.Types
---@field width integer
---@field color boolean
---@field lines string[]
---@field aliases table  those that were mentioned: in order, and as keys
local Page <const> = {}
Page.__index = Page

--- A text in a style of lull.term.
function Page:style(style, text)
  if not self.color or text == "" then return text end
  local codes <const> = color.styles[style]
  if codes then return color.wrap(text, codes[1], codes[2]) end
  return color.wrap(text, color.parameters(style, 16, false), "39")
end

function Page:add(line)
  self.lines[#self.lines + 1] = line
end

--- An empty line, unless there is one.
function Page:gap()
  if #self.lines > 0 and self.lines[#self.lines] ~= "" then self:add "" end
end

--- A text broken into lines, the first behind `head`, the others below its end; all below `head`
--- where there is no room.
function Page:hang(head, text)
  local indent = cells.width(head)
  if text == "" or indent > self.width - NARROW then
    self:add((head:gsub("%s+$", "")))
    if text == "" then return end
    indent = 4
    head = (" "):rep(indent)
  end
  local wrapped <const> = cells.wrap(text, self.width - indent)
  for i, line in ipairs(wrapped) do self:add((i == 1 and head or (" "):rep(indent)) .. line) end
end

--- Paragraphs: lines that belong together are filled anew, those that are indented stay.
function Page:text(text)
  local paragraph = {}
  local function flush()
    if #paragraph > 0 then self:hang("  ", table.concat(paragraph, " ")) end
    paragraph = {}
  end
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    if line == "" then
      flush()
      self:gap()
    elseif line:find "^    " then
      flush()
      self:add("  " .. line)
    else
      paragraph[#paragraph + 1] = line:gsub("^ +", "")
    end
  end
  flush()
end

--- The first sentence.
local function summary(text)
  local paragraph <const> = text:match "^(.-)\n\n" or text
  local line <const> = paragraph:gsub("\n *", " ")
  return line:match "^(.-[.?])%f[%s\0]" or line
end

--- A type is on the page: what its aliases stand for is told below.
function Page:mention(text)
  for name in text:gmatch "lull[%w_.]+" do
    local alias <const> = self.known.aliases[name]
    if alias and not self.aliases[alias] then
      self.aliases[alias] = true
      table.insert(self.aliases, alias)
    end
  end
end

--- Rows of a name, a type and a text, in columns.
function Page:values(values)
  local names, kinds = 0, 0
  for _, each in ipairs(values) do
    names = math.max(names, #each.name + (each.optional and 1 or 0))
    if #each.type <= MAX_COLUMN then kinds = math.max(kinds, #each.type) end
    self:mention(each.type)
  end
  for _, each in ipairs(values) do
    local name <const> = self:style("cyan", cells.pad(each.name .. (each.optional and "?" or ""), names))
    local head <const> = "  " .. name .. "  "
    if #each.type > kinds then
      self:hang(head, each.type)
      if each.text ~= "" then self:hang((" "):rep(names + kinds + 6), each.text) end
    else
      self:hang(head .. self:style("dim", cells.pad(each.type, kinds)) .. "  ", each.text)
    end
  end
end

--- The classes of options that parameters have, with what they may say.
function Page:options(fn)
  for _, parameter in ipairs(fn.params) do
    for name in parameter.type:gmatch "lull[%w_.]+" do
      local fields <const> = types.fields(self.known, name)
      if fields and #fields > 0 and #self.known.classes[name].functions == 0 then
        self:gap()
        self:add("  " .. self:style("bold", name))
        self:values(fields)
      end
    end
  end
end

--- What an alias stands for, a line each, with what is said of them.
function Page:alternatives(alias)
  local widest = 0
  for _, each in ipairs(alias.values) do
    if each.text ~= "" then widest = math.max(widest, #each.name) end
  end
  for _, each in ipairs(alias.values) do
    if each.text == "" then
      self:hang("  ", each.name)
    else
      self:hang("  " .. self:style("cyan", cells.pad(each.name, widest)) .. "  ", each.text)
    end
  end
end

--- The aliases that were mentioned: those of few alternatives with what is said of these, the
--- others one behind the other.
function Page:mentioned()
  for _, alias in ipairs(self.aliases) do
    local head <const> = "  " .. self:style("bold", alias.name)
    local names <const>, is_told = {}, false
    for i, each in ipairs(alias.values) do
      names[i] = each.name
      is_told = is_told or each.text ~= ""
    end
    self:gap()
    if is_told and #names <= FEW then
      self:add(head)
      self:alternatives(alias)
    else
      self:hang(head .. "  ", table.concat(names, " | "))
    end
  end
end

function Page:fn(fn)
  local arguments <const> = fn.arguments
  self:hang("", self:style("bold", fn.name) .. arguments)
  self:gap()
  self:text(fn.text)
  if fn.async and not fn.text:find "[Ss]uspend" then self:text "Suspends." end
  if #fn.params > 0 then
    self:gap()
    self:values(fn.params)
  end
  self:options(fn)
  for _, each in ipairs(fn.returns) do self:mention(each.type) end
  self:mentioned()
  if #fn.returns > 0 then
    self:gap()
    for _, each in ipairs(fn.returns) do
      self:hang("  " .. self:style("green", "->") .. " ",
        self:style("dim", each.type) .. (each.text ~= "" and "  " .. each.text or ""))
    end
  end
  for _, overload in ipairs(fn.overloads) do self:hang("  or  ", overload) end
end

--- Functions, a line each.
function Page:functions(functions, separator)
  local widest = 0
  for _, each in ipairs(functions) do
    local size <const> = #each.short + #each.arguments + #separator
    if size <= MAX_COLUMN then widest = math.max(widest, size) end
  end
  for _, each in ipairs(functions) do
    local size <const> = #each.short + #each.arguments + #separator
    local head <const> = "  " .. self:style("cyan", separator .. each.short) .. each.arguments
    if size > widest then
      self:add(head)
      self:hang((" "):rep(widest + 4), summary(each.text))
    else
      self:hang(head .. (" "):rep(widest - size + 2), summary(each.text))
    end
  end
end

function Page:class(class)
  self:add(self:style("bold", class.name))
  self:gap()
  self:text(class.text)
  local fields <const> = types.fields(self.known, class.name)
  if #fields > 0 then
    self:gap()
    self:values(fields)
    self:mentioned()
  end
  if #class.functions > 0 then
    self:gap()
    self:functions(class.functions, class.kind == "class" and ":" or "")
  end
end

function Page:alias(alias)
  self:add(self:style("bold", alias.name))
  self:gap()
  self:text(alias.text)
  self:gap()
  self:alternatives(alias)
  for _, each in ipairs(alias.values) do self:mention(each.name) end
  self:mentioned()
end

--- What belongs to a module and is not in its table.
function Page:parts(module)
  local objects <const>, modules <const> = {}, {}
  for _, class in ipairs(types.in_order(self.known)) do
    local entry <const> = { name = class.name, type = "", text = summary(class.text) }
    if class.kind == "class" and class.module == module.name and #class.functions > 0 then
      objects[#objects + 1] = entry
    elseif class.kind == "module" and class.name:find(module.name .. ".", 1, true) == 1 then
      modules[#modules + 1] = entry
    end
  end
  for _, rows in ipairs { objects, modules } do
    if #rows > 0 then
      self:gap()
      self:values(rows)
    end
  end
end

--- An entry as text.
---@param known lull.doc.Types
---@param entry table
---@param opts { width?: integer, color?: boolean }
---@return string
return function(known, entry, opts)
  local is_colored = opts.color
  if is_colored == nil then is_colored = color.detect(1) > 0 end
  local width <const> = opts.width or math.min((screen.size()), MAX_WIDTH)
  local page <const> = setmetatable({
    known = known, width = math.max(width, MIN_WIDTH), color = is_colored, lines = {}, aliases = {},
  }, Page)
  if entry.params then
    page:fn(entry)
  elseif entry.fields then
    page:class(entry)
    if entry.kind == "module" then page:parts(entry) end
  elseif entry.values then
    page:alias(entry)
  else
    page:add(page:style("bold", entry.signature))
    page:gap()
    page:text(entry.text)
  end
  return table.concat(page.lines, "\n") .. "\n"
end
