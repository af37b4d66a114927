--- lull.lint.settings: which findings count: ours, then .luacheckrc, then the command line.
local settings = {}

--- Without a .luacheckrc only what may be a mistake is told: no lengths of lines, blanks at their
--- ends, or names that hide others.
local QUIET <const> = { "4", "6" }

---@class lull.lint.Settings
---@field stack table  luacheck's configurations
local Settings <const> = {}
Settings.__index = Settings

--- Read what there is.
---@param opts lull.lint.Options
---@return lull.lint.Settings?
---@return string? why  not
function settings.load(opts)
  local config <const> = require "luacheck.config"
  local path = opts.config
  if opts.no_config then path = false end
  local chosen <const>, why <const> = config.load_config(path)
  if not chosen then return nil, why end
  local ignored <const> = opts.strict and {} or { "911" }
  if not chosen.config_path then table.move(QUIET, 1, #QUIET, #ignored + 1, ignored) end
  local stack <const>, wrong <const> = config.stack_configs {
    { options = { std = "lua54", ignore = ignored } }, chosen,
    { options = { files = { ["**/*_spec.lua"] = { std = "+busted" } } }, anchor_dir = "" },
  }
  if not stack then return nil, wrong end
  return setmetatable({ stack = stack }, Settings)
end

local function matches_any(globs, path)
  local globbing <const> = require "luacheck.globbing"
  for _, glob in ipairs(globs) do
    if globbing.match(glob, path) then return true end
  end
  return false
end

--- Leave out the files that are not to be looked at.
---@param paths string[]
---@return string[]
function Settings:included(paths)
  local fs <const> = require "luacheck.fs"
  local top <const>, here <const> = self.stack:get_top_options(), fs.get_current_dir()
  local kept <const> = {}
  for _, path in ipairs(paths) do
    local whole <const> = fs.normalize(fs.join(here, path))
    if not matches_any(top.exclude_files, whole)
      and (#top.include_files == 0 or matches_any(top.include_files, whole)) then
      kept[#kept + 1] = path
    end
  end
  return kept
end

--- Leave out the findings that do not count.
---@param reports table[]  of lull.lint.source
---@param paths string[]   of the same files
---@return table[]
function Settings:filter(reports, paths)
  local options <const> = {}
  for i, path in ipairs(paths) do options[i] = self.stack:get_options(path) end
  return require("luacheck").process_reports(reports, options, self.stack:get_stds())
end

return settings
