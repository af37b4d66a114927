--- lull.worker.home: where things are that travel by their names.  Not for scripts.
---
--- In a realm that is not allowed everything lull's own modules have globals and loaded modules of
--- their own; those of the realm's scripts are in package.home.
local outer <const> = rawget(package, "home") or { package.loaded, _G, require }

--- The scripts' package.loaded, _G and require; then the same two of lull's own modules.
return { outer[1], outer[2], outer[3], package.loaded, require }
