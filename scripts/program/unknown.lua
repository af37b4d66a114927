--- lull.program.unknown: what a command of the program says of an option that it has not.
local near = require "lull.doc.near"

--- The words of options, without dashes and values, and the options that they are.
local function words_of(tables)
  local words <const>, options <const> = {}, {}
  for _, names in ipairs(tables) do
    for name in pairs(names) do
      local word <const> = name:match "^%-+(..+)$"
      if word then
        words[#words + 1] = word
        options[word] = name
      end
    end
  end
  return words, options
end

--- What is said of an option that there is not: what may have been meant, or who lists them.
---@param command string  as it is typed: "lull serve"
---@param written string  the argument
---@param ... table<string, any>  the options that there are, by name
---@return string
return function(command, written, ...)
  local words <const>, options <const> = words_of { ... }
  local word <const> = written:match "^%-+([^=][^=]+)"
  local meant <const> = word and near(word, words)[1]
  return ("unrecognized option '%s'; "):format(written)
    .. (meant and ("did you mean '%s'?"):format(options[meant])
      or ("'%s --help' lists the options"):format(command))
end
