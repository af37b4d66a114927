-- A reader that always has more.
-- expect: failed|limit
load(function() return " " end)
error("it ended")
