-- A module that requires itself.
-- expect: failed
local lull = require "lull"
package.preload.me = function() return require "me" end
require "me"
