# What `require` finds inside the library: native modules and embedded scripts.
#
# lull_native() collects natives; lull_builtins() turns them and scripts/ into one C
# file, struct lull_builtin lull__builtins[] of core/runtime/module.h, sorted by name.
#
# A native that needs a library is a shared object of its own, loaded when it is first
# required (core/runtime/native.c): modules/lull/x/native.so for lull.x.native.

include(core/cmake/libraries.cmake)

set(lull_natives "")        # lines of builtins.list, see embed.cmake
set(lull_module_sources "") # C files that are not in the library
set(lull_modules "")        # targets of shared objects

# lull_native(<module> <luaopen function>
#             [LIBRARY <library>...]   needed; without one of them the module is left out
#             [OPTIONAL <library>...]  used if found: then LULL_WITH_<LIBRARY> is defined
#             [SOURCES <pattern>...]   needed with LIBRARY or OPTIONAL
#             [PACKAGE <package>])     the Debian package that it goes into; needed with SOURCES
macro(lull_native module open)
  cmake_parse_arguments(native "" "PACKAGE" "LIBRARY;OPTIONAL;SOURCES" ${ARGN})
  if(NOT native_SOURCES)
    list(APPEND lull_natives "native ${module} ${open}")
  else()
    list(TRANSFORM native_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/)
    file(GLOB native_SOURCES CONFIGURE_DEPENDS ${native_SOURCES})
    set(native_missing "")
    set(native_link "")
    set(native_defines "")
    foreach(native_library IN LISTS native_LIBRARY native_OPTIONAL)
      lull_find_library(native_target ${native_library})
      if(native_target)
        list(APPEND native_link ${native_target})
        string(MAKE_C_IDENTIFIER ${native_library} native_id)
        string(TOUPPER "LULL_WITH_${native_id}=1" native_define)
        list(APPEND native_defines ${native_define})
      elseif(native_library IN_LIST native_LIBRARY)
        list(APPEND native_missing ${native_library})
      endif()
    endforeach()
    if(native_missing)
      list(JOIN native_missing ", " native_missing)
      message(STATUS "lull: without ${module}: ${native_missing} not found")
      list(APPEND lull_natives "missing ${module} ${native_missing}")
    else()
      list(APPEND lull_natives "shared ${module} ${open} ${native_PACKAGE}")
      lull_shared_native(${module} "${native_SOURCES}" "${native_link}" "${native_defines}")
    endif()
    list(APPEND lull_module_sources ${native_SOURCES})
  endif()
endmacro()

# The shared object of one native; it finds lull's functions in the program or library
# that loads it, and has its own copy of the small things that bindings share.
macro(lull_shared_native module sources link defines)
  string(MAKE_C_IDENTIFIER ${module} shared_target)
  string(REPLACE "." "/" shared_path ${module})
  cmake_path(GET shared_path PARENT_PATH shared_dir)
  cmake_path(GET shared_path FILENAME shared_name)
  set(shared_common bind.c buffer.c timedop.c)
  list(TRANSFORM shared_common PREPEND ${PROJECT_SOURCE_DIR}/bindings/common/)
  add_library(${shared_target} MODULE ${sources} ${shared_common})
  lull_compile_options(${shared_target})
  target_compile_definitions(${shared_target} PRIVATE ${defines})
  target_link_libraries(${shared_target} PRIVATE ${link})
  set_target_properties(${shared_target} PROPERTIES PREFIX "" C_VISIBILITY_PRESET default OUTPUT_NAME ${shared_name}
    LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/modules/${shared_dir})
  # What a library leaves behind in the process (threads, exit handlers) must find its code.
  if(CMAKE_SYSTEM_NAME STREQUAL Linux)
    target_link_options(${shared_target} PRIVATE -Wl,-z,nodelete
      -Wl,--version-script=${PROJECT_SOURCE_DIR}/core/cmake/native.map)
  endif()
  set_target_properties(${shared_target} PROPERTIES LULL_FOLDER ${shared_dir} LULL_PACKAGE ${native_PACKAGE})
  list(APPEND lull_modules ${shared_target})
endmacro()

# scripts/net.lua is "lull.net", scripts/x/init.lua is "lull.x"; scripts/types/ is for
# editors and for lull_reference().
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

# The definition files of scripts/types, one behind the other: what lull.doc reads.  It lies
# where the shared objects of natives do.
function(lull_reference)
  file(GLOB types CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/scripts/types/*.lua)
  set(output ${PROJECT_BINARY_DIR}/modules/lull/reference.txt)
  set(script ${PROJECT_SOURCE_DIR}/core/cmake/reference.cmake)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -D OUTPUT=${output} -D TYPES=${PROJECT_SOURCE_DIR}/scripts/types -P ${script}
    DEPENDS ${types} ${script}
    COMMENT "Putting the reference together"
    VERBATIM)
  add_custom_target(lull_reference_file ALL DEPENDS ${output})
endfunction()
