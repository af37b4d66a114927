-- An error message of megabytes.
-- expect: failed
error(("long "):rep(1000000))
