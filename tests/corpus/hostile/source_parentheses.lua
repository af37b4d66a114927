-- A megabyte of parentheses.
-- expect: failed
error(select(2, load("return " .. ("("):rep(1 << 20) .. "1" .. (")"):rep(1 << 20))))
