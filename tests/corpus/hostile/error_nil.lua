-- Ends with an error that is nil.
-- expect: failed
error(nil)
