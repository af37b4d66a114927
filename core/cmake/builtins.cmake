# What `require` finds inside the library: native modules and embedded scripts.
#
# lull_native() collects natives; lull_builtins() turns them and scripts/ into one C
# file, struct lull_builtin lull__builtins[] of core/module.h, sorted by name.

set(lull_natives "")    # lines "native <module> <luaopen function>"
set(lull_left_out "")   # sources of natives whose library is missing
set(lull_libraries "")  # CMake targets that natives link
set(lull_packages "")   # the same, as "<prefix> <pkg-config name>", for the installed package

# lull_native(<module> <luaopen function> [LIBRARY <pkg-config name>] [SOURCES <file>...])
macro(lull_native module open)
  cmake_parse_arguments(native "" "LIBRARY" "SOURCES" ${ARGN})
  set(native_found TRUE)
  if(native_LIBRARY)
    string(MAKE_C_IDENTIFIER "LULL_${native_LIBRARY}" native_prefix)
    pkg_check_modules(${native_prefix} QUIET IMPORTED_TARGET ${native_LIBRARY})
    set(native_found ${${native_prefix}_FOUND})
  endif()
  if(NOT native_found)
    message(STATUS "lull: without ${module}: ${native_LIBRARY} not found")
    list(TRANSFORM native_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/)
    list(APPEND lull_left_out ${native_SOURCES})
  else()
    list(APPEND lull_natives "native ${module} ${open}")
    if(native_LIBRARY)
      list(APPEND lull_libraries PkgConfig::${native_prefix})
      list(APPEND lull_packages "${native_prefix} ${native_LIBRARY}")
      list(REMOVE_DUPLICATES lull_libraries)
      list(REMOVE_DUPLICATES lull_packages)
    endif()
  endif()
endmacro()

# scripts/net.lua is "lull.net", scripts/x/init.lua is "lull.x"; scripts/types/ is for
# editors only.
function(lull_builtins output)
  set(root ${PROJECT_SOURCE_DIR}/scripts)
  file(GLOB_RECURSE scripts CONFIGURE_DEPENDS ${root}/*.lua)
  list(FILTER scripts EXCLUDE REGEX "^${root}/types/")
  set(lines ${lull_natives})
  foreach(script ${scripts})
    file(RELATIVE_PATH name ${root} ${script})
    string(REGEX REPLACE "(/?init)?\\.lua$" "" name "/${name}")
    string(REPLACE "/" "." name "lull${name}")
    list(APPEND lines "script ${name} ${script}")
  endforeach()
  list(JOIN lines "\n" text)
  file(CONFIGURE OUTPUT gen/builtins.list CONTENT "${text}\n" @ONLY)
  set(list ${PROJECT_BINARY_DIR}/gen/builtins.list)
  set(embed ${PROJECT_SOURCE_DIR}/core/cmake/embed.cmake)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -D LIST=${list} -D OUTPUT=${output} -P ${embed}
    DEPENDS ${list} ${embed} ${scripts}
    COMMENT "Embedding scripts"
    VERBATIM)
endfunction()
