-- A searcher, a loader and a preload that do not return.
-- expect: limit
-- delay: 600
package.preload.endless = function() while true do end end
while true do pcall(require, "endless") end
