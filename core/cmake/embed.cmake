# Run by the build: cmake -D LIST=<builtins.list> -D OUTPUT=<builtins.c> -P embed.cmake
#
# The list has one line per module: "native <name> <luaopen function>", "shared" the same
# and the Debian package for a shared object, "missing <name> <libraries>" or
# "script <name> <path>".  Scripts become byte arrays: a string literal would meet the limits
# of ISO C and every quoting rule there is.

file(STRINGS ${LIST} lines)
set(names "")
foreach(line ${lines})
  string(REGEX MATCH "^([a-z]+) ([^ ]+) (.+)$" _ "${line}")
  set(name ${CMAKE_MATCH_2})
  if(DEFINED kind_${name})
    message(FATAL_ERROR "two builtins are called ${name}")
  endif()
  set(kind_${name} ${CMAKE_MATCH_1})
  set(what_${name} ${CMAKE_MATCH_3})
  list(APPEND names ${name})
endforeach()
list(SORT names)

set(definitions "")
set(rows "")
foreach(name ${names})
  if(kind_${name} STREQUAL native)
    set(open ${what_${name}})
    string(APPEND definitions "int ${open}(lua_State *L);\n\n")
    string(APPEND rows "    {.name = \"${name}\", .open = ${open}},\n")
  elseif(kind_${name} STREQUAL shared)
    string(REPLACE " " "\", .package = \"" open "${what_${name}}")
    string(APPEND rows "    {.name = \"${name}\", .shared = \"${open}\"},\n")
  elseif(kind_${name} STREQUAL missing)
    string(APPEND rows "    {.name = \"${name}\", .missing = \"${what_${name}}\"},\n")
  else()
    string(MAKE_C_IDENTIFIER "script_${name}" array)
    file(READ ${what_${name}} bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    string(REGEX REPLACE "(................................................................................)"
           "\\1\n" bytes "${bytes}")
    string(APPEND definitions "static const unsigned char ${array}[] = {\n${bytes}0};\n\n")
    string(APPEND rows "    {.name = \"${name}\", .source = (const char *)${array},\n     .size = sizeof ${array} - 1},\n")
  endif()
endforeach()

file(WRITE ${OUTPUT} "/* Generated from scripts/ and the natives in CMakeLists.txt. */
#include <stddef.h>

#include \"runtime/module.h\"

${definitions}const struct lull_builtin lull__builtins[] = {
${rows}    {.name = NULL},
};
")
