-- A reader that always has more.
-- expect: failed|limit
-- delay: 600
load(function() return " " end)
error("it ended")
