-- Backward goto.
-- expect: limit
::again::
goto again
