-- A __close that never ends, after a normal end.
-- expect: limit
do
  local _ <close> = setmetatable({}, {__close = function() while true do end end})
end
