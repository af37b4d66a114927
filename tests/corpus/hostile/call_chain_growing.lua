-- __call chains add an argument at each link; tail calls keep them.
-- expect: failed|limit
-- needs: bounded
local f
local mt = {__call = function(self, ...) return f(self, ...) end}
f = setmetatable({}, mt)
return f()
