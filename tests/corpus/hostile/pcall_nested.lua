-- The loop sits below many pcalls that each begin anew.
-- expect: limit
local function again(n)
  while true do
    if n > 0 then pcall(again, n - 1) else while true do end end
  end
end
again(20)
