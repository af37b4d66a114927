---@meta lull.term
--
-- Definitions for editors: the terminal: colours, widths, progress, tables, questions.
--
-- Everything is plain text where there is no terminal: where output is redirected, the host has a
-- print function, or a script may not use the terminal (permission "all").  Bars and spinners are
-- on standard error; TERM=dumb has none.  While one is shown on the terminal the global `print` and
-- `io.write` write above it, and so do lull.log's lines; other writes to the terminal do not.
--
-- FORCE_COLOR decides about colours where it is set (0: none, 1: 16, 2: 256, 3: 2^24), then
-- NO_COLOR if it is not empty, then the terminal, TERM and COLORTERM.

---@class lull.term
local term = {}

---@alias lull.term.Stream "stdin"|"stdout"|"stderr"

--- One of the names of the functions below, with "bright_" in front for the brighter one; 0 to 255;
--- or "#rrggbb".  Where there are fewer colours the nearest is taken.
---@alias lull.term.Color string|integer

-- The terminal ------------------------------------------------------------------------------

--- Is a stream a terminal?
---@param stream? lull.term.Stream  "stdout"
---@return boolean
function term.is_terminal(stream) end

--- The columns of the terminal now.
---@return integer # 80 where there is none
function term.width() end

--- The rows of the terminal now.
---@return integer # 24 where there is none
function term.height() end

--- Wait until the terminal has another size, for ever where there is none, or where signals may
--- not be listened to: WINCH tells.
---@async
---@return integer width
---@return integer height
function term.wait_resize() end

-- Styles ------------------------------------------------------------------------------------

--- How many colours a stream takes.
---@param stream? lull.term.Stream  "stdout", for which the styles below are
---@return integer # 0: plain text; 16, 256 or 2^24
function term.colors(stream) end

--- Use so many colours from now on, in place of what was found out.
---@param count? boolean|integer  true: at least 16; false or 0: none; 16, 256, 2^24; nil: find out
function term.use_colors(count) end

--- A text in a colour.  Raises an argument error for what is no colour.
---@param color lull.term.Color
---@param text string|number
---@return string
function term.fg(color, text) end

--- A text on a background.
---@param color lull.term.Color
---@param text string|number
---@return string
function term.bg(color, text) end

--- Bold text; styles may be nested: one goes on after another that ends inside it.
---@param text string|number
---@return string
function term.bold(text) end

--- Dim text; styles may be nested: one goes on after another that ends inside it.
---@param text string|number
---@return string
function term.dim(text) end

--- Italic text; styles may be nested: one goes on after another that ends inside it.
---@param text string|number
---@return string
function term.italic(text) end

--- Underlined text; styles may be nested: one goes on after another that ends inside it.
---@param text string|number
---@return string
function term.underline(text) end

--- Inverse text; styles may be nested: one goes on after another that ends inside it.
---@param text string|number
---@return string
function term.inverse(text) end

--- Struck out text; styles may be nested: one goes on after another that ends inside it.
---@param text string|number
---@return string
function term.strike(text) end

--- Black text.
---@param text string|number
---@return string
function term.black(text) end

--- Red text.
---@param text string|number
---@return string
function term.red(text) end

--- Green text.
---@param text string|number
---@return string
function term.green(text) end

--- Yellow text.
---@param text string|number
---@return string
function term.yellow(text) end

--- Blue text.
---@param text string|number
---@return string
function term.blue(text) end

--- Magenta text.
---@param text string|number
---@return string
function term.magenta(text) end

--- Cyan text.
---@param text string|number
---@return string
function term.cyan(text) end

--- White text.
---@param text string|number
---@return string
function term.white(text) end

--- Gray text.
---@param text string|number
---@return string
function term.gray(text) end

--- Text on black.
---@param text string|number
---@return string
function term.on_black(text) end

--- Text on red.
---@param text string|number
---@return string
function term.on_red(text) end

--- Text on green.
---@param text string|number
---@return string
function term.on_green(text) end

--- Text on yellow.
---@param text string|number
---@return string
function term.on_yellow(text) end

--- Text on blue.
---@param text string|number
---@return string
function term.on_blue(text) end

--- Text on magenta.
---@param text string|number
---@return string
function term.on_magenta(text) end

--- Text on cyan.
---@param text string|number
---@return string
function term.on_cyan(text) end

--- Text on white.
---@param text string|number
---@return string
function term.on_white(text) end

-- Texts -------------------------------------------------------------------------------------

--- The cells that a text takes: two for wide characters, none for those that combine with the one
--- before, for control characters and for escape sequences.  Each character counts by itself, as
--- wcwidth has it; a byte that is no UTF-8 is one cell.
---@param text string
---@return integer
function term.text_width(text) end

--- A text without escape sequences.
---@param text string
---@return string
function term.strip(text) end

--- Cut a text that is too wide.  Characters stay whole, and styles that are open are ended.
---@param text string
---@param width integer  cells
---@param mark? string   tells that it was cut, within the width; "…"
---@return string
function term.truncate(text, width, mark) end

--- Fill a text up with blanks; a wider one stays as it is.
---@param text string
---@param width integer  cells
---@param align? "left"|"right"|"center"  where the text is; "left"
---@return string
function term.pad(text, width, align) end

--- Break a text into lines: at blanks, and words that are too long anywhere.
---@param text string
---@param width integer  cells, at least 1
---@return string[]
function term.wrap(text, width) end

---@class lull.term.TableOptions
---@field header? string[]
---@field align? ("left"|"right"|"center")[]  by column; left
---@field width? integer  cells at most, as far as columns of 4 cells allow; that of the terminal,
---  or no limit where standard output is none
---@field wrap? boolean   break cells into lines, rather than cut them

--- Lay out rows in columns.  Cells may be any values; control characters in them become blanks.
---@param rows any[][]
---@param opts? lull.term.TableOptions
---@return string # lines, each with its newline
function term.table(rows, opts) end

-- Progress ----------------------------------------------------------------------------------

---@class lull.term.BarOptions
---@field label? string
---@field total? number   what there is to do; nil: unknown
---@field unit? string    what is counted; "bytes" shows KiB, MiB, ...
---@field keep? boolean   leave a line when it is finished; true

--- Show a bar, below those that are shown.  Where standard error is no terminal, a line is written
--- when it is finished, and nothing before.
---@param opts? lull.term.BarOptions
---@return lull.term.Bar
function term.progress(opts) end

--- Show that something is going on.  Where standard error is no terminal the label is written.
---@param label string
---@return lull.term.Spinner
function term.spinner(label) end

--- Print as `print` does, above bars and spinners, also where `print` was replaced.
---@param ... any
function term.print(...) end

-- Questions ---------------------------------------------------------------------------------

--- Ask for a line.  Others run meanwhile; tasks that ask take turns.  Where standard input is no
--- terminal no question is shown.  Cancelled, it forgets what was typed.
---@async
---@param question string   as it is shown: "Name: "
---@param default? string   for an empty answer
---@return string? # nil at the end of the input
function term.prompt(question, default) end

--- Ask until the answer is y, yes, n or no.
---@async
---@param question string    " [y/n] " is added
---@param default? boolean   for an empty answer
---@return boolean # at the end of the input the default, or false
function term.confirm(question, default) end

--- Ask for a line that is not shown while it is typed.
---@async
---@param question string
---@return string? # nil at the end of the input
function term.password(question) end

-- Bar ---------------------------------------------------------------------------------------

--- A progress bar; also a to-be-closed value, which finishes it.  Drawn ten times a second at most.
---@class lull.term.Bar
---@field done number
---@field total? number
local Bar = {}

--- Say how much is done.
---@param done number
---@param label? string  another one
function Bar:update(done, label) end

--- Say that so much more is done.
---@param by? number  1
function Bar:advance(by) end

--- Say how much there is in all.
---@param total? number  nil: unknown
function Bar:set_total(total) end

--- Put another text in front.
---@param label string
function Bar:set_label(label) end

--- Take the bar away; a line with what was done stays.
---@param text? string  that line
function Bar:finish(text) end

-- Spinner -----------------------------------------------------------------------------------

--- A spinner; also a to-be-closed value, which finishes it.
---@class lull.term.Spinner
local Spinner = {}

--- Say something else.
---@param label string
function Spinner:set_label(label) end

--- Take the spinner away.
---@param text? string  a line that stays
function Spinner:finish(text) end

return term
