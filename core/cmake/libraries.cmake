# Where the libraries of optional natives come from.
#
#   lull_find_library(<target variable> <library>)
#
# sets the variable to a target to link, or to nothing.  A library is a pkg-config name;
# those that need more than that have a function lull_find_<library> below.

function(lull_find_library result library)
  string(MAKE_C_IDENTIFIER ${library} id)
  if(COMMAND lull_find_${id})
    cmake_language(CALL lull_find_${id} target)
  else()
    pkg_check_modules(LULL_${id} QUIET IMPORTED_TARGET GLOBAL ${library})
    set(target "")
    if(LULL_${id}_FOUND)
      set(target PkgConfig::LULL_${id})
    endif()
  endif()
  set(${result} "${target}" PARENT_SCOPE)
endfunction()

# wslay ships no pkg-config file.
function(lull_find_wslay result)
  find_path(LULL_WSLAY_INCLUDE wslay/wslay.h)
  find_library(LULL_WSLAY_LIBRARY wslay)
  set(${result} "" PARENT_SCOPE)
  if(LULL_WSLAY_INCLUDE AND LULL_WSLAY_LIBRARY)
    if(NOT TARGET lull_wslay)
      add_library(lull_wslay INTERFACE)
      target_include_directories(lull_wslay SYSTEM INTERFACE ${LULL_WSLAY_INCLUDE})
      target_link_libraries(lull_wslay INTERFACE ${LULL_WSLAY_LIBRARY})
    endif()
    set(${result} lull_wslay PARENT_SCOPE)
  endif()
endfunction()

# llhttp is packaged where a distribution has libllhttp; Debian 12 ships the generated C
# sources with node-llhttp, which are compiled here.
function(lull_find_llhttp result)
  pkg_check_modules(LULL_llhttp QUIET IMPORTED_TARGET GLOBAL libllhttp)
  if(LULL_llhttp_FOUND)
    set(${result} PkgConfig::LULL_llhttp PARENT_SCOPE)
    return()
  endif()
  find_path(LULL_LLHTTP_SOURCES llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH)
  find_path(LULL_LLHTTP_INCLUDE llhttp.h PATHS /usr/share/include/llhttp NO_DEFAULT_PATH)
  set(${result} "" PARENT_SCOPE)
  if(LULL_LLHTTP_SOURCES AND LULL_LLHTTP_INCLUDE)
    if(NOT TARGET lull_llhttp)
      set(root ${LULL_LLHTTP_SOURCES})
      add_library(lull_llhttp STATIC ${root}/llhttp.c ${root}/api.c ${root}/http.c)
      target_include_directories(lull_llhttp SYSTEM PUBLIC ${LULL_LLHTTP_INCLUDE})
      target_compile_options(lull_llhttp PRIVATE -w -O2)
      target_compile_definitions(lull_llhttp PUBLIC LLHTTP_STRICT_MODE=1) # before 9 a choice
      set_target_properties(lull_llhttp PROPERTIES POSITION_INDEPENDENT_CODE ON)
    endif()
    set(${result} lull_llhttp PARENT_SCOPE)
  endif()
endfunction()
