-- Waits for nothing; the host cancels it.
-- expect: cancelled
-- host: cancel
require "lull".sleep_forever()
