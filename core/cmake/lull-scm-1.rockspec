-- lull as a rock: the module for lua5.4.  In the root of a checkout, with a C compiler, make,
-- cmake, pkg-config and the development files of Lua 5.4 and libevent:
--
--   luarocks --lua-version 5.4 make core/cmake/lull-scm-1.rockspec
--
-- Natives are built for the libraries that there are; nothing is fetched.
rockspec_format = "3.0"
package = "lull"
version = "scm-1"
source = { url = "git+file://." } -- `luarocks make` takes what is there
description = {
  summary = "async/await for Lua 5.4, on libevent",
  license = "MIT",
}
supported_platforms = { "linux" }
dependencies = { "lua >= 5.4, < 5.5" }
build = {
  type = "make",
  build_target = "rock",
  install_target = "install-rock",
  build_variables = { CFLAGS = "$(CFLAGS)" },
  install_variables = { PREFIX = "$(PREFIX)" },
}
