std = "lua54"
max_line_length = 126
self = false -- a method may leave its self unused

files["tests/spec"] = { std = "+busted" }
-- Definitions for editors: declared, never called.
files["scripts/types"] = { unused = false }
-- Scripts that misbehave.
files["tests/corpus/hostile"] = { unused = false }
-- Programs for other runtimes, with globals of their own.
files["tests/bench"] = { std = "max", allow_defined_top = true }
