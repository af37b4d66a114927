# What is installed where, in three layouts:
#
#   install   for `make install`, in any prefix
#   debian    for `make package`, in /usr; one component per package (core/cmake/package/)
#   rock      for `luarocks make`, in the folder of a rock: the module for lua5.4 only
#
# Every path is relative, so that the prefix may be chosen at install time and the installed
# tree may be moved.

include(CMakePackageConfigHelpers)

set(install_lib ${CMAKE_INSTALL_LIBDIR})
set(install_lua lib/lua/5.4)
set(debian_lib lib)
if(CMAKE_LIBRARY_ARCHITECTURE)
  set(debian_lib lib/${CMAKE_LIBRARY_ARCHITECTURE})
endif()
set(debian_lua ${debian_lib}/lua/5.4)
set(install_zsh zsh/site-functions)
set(debian_zsh zsh/vendor-completions)
set(rock_lib lib) # luarocks moves what is there to lib/lua/5.4 of its tree
set(rock_lua lib)

# core/runtime/native.c is told where the shared objects of natives are, seen from the folder
# of what loads them: the program or library of the build, and in every layout the program,
# the library, and the module for lua5.4.
set(dirs modules)
foreach(layout install debian rock)
  set(${layout}_natives ${${layout}_lib}/lull/${PROJECT_VERSION})
  foreach(from ${CMAKE_INSTALL_BINDIR} ${${layout}_lib} ${${layout}_lua})
    cmake_path(RELATIVE_PATH ${layout}_natives BASE_DIRECTORY ${from} OUTPUT_VARIABLE dir)
    list(APPEND dirs ${dir})
  endforeach()
endforeach()
list(REMOVE_DUPLICATES dirs)
list(JOIN dirs ":" dirs)
target_compile_definitions(lull_objects PRIVATE LULL_MODULE_DIRS="${dirs}")

# Set `into` to what puts the next install() into this component of the layout.
macro(lull_into package)
  set(into "")
  if(layout STREQUAL debian)
    set(into COMPONENT ${package} EXCLUDE_FROM_ALL)
  elseif(layout STREQUAL rock)
    set(into COMPONENT rock EXCLUDE_FROM_ALL)
  endif()
endmacro()

# The module for lua5.4, the natives, and what lull.doc reads, which lies beside these.
function(lull_install_module layout)
  lull_into(lua-lull)
  install(TARGETS lull_module LIBRARY DESTINATION ${${layout}_lua} ${into})
  foreach(target ${lull_modules})
    get_target_property(folder ${target} LULL_FOLDER)
    get_target_property(package ${target} LULL_PACKAGE)
    lull_into(${package})
    install(TARGETS ${target} LIBRARY DESTINATION ${${layout}_natives}/${folder} ${into})
  endforeach()
  lull_into(lull)
  install(FILES ${PROJECT_BINARY_DIR}/modules/lull/reference.txt DESTINATION ${${layout}_natives}/lull ${into})
endfunction()

# pkg-config, and CMake: find_package(lull), then link lull::lull or lull::static; modules:
# lull::headers
function(lull_install_found layout)
  set(lib ${${layout}_lib})
  set(package_dir ${lib}/cmake/lull)
  set(gen gen/${layout})
  lull_into(liblull-dev)

  file(RELATIVE_PATH up /${lib}/pkgconfig /)
  string(REGEX REPLACE "/$" "" up "${up}")
  list(TRANSFORM CMAKE_DL_LIBS PREPEND " -l" OUTPUT_VARIABLE dl_flags)
  configure_file(core/cmake/lull.pc.in ${gen}/lull.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${gen}/lull.pc DESTINATION ${lib}/pkgconfig ${into})

  set(find_packages "")
  foreach(package "LULL_LUA ${LULL_LUA_MODULE_NAME}" "LULL_EVENT libevent_core")
    string(REPLACE " " " REQUIRED QUIET IMPORTED_TARGET " package "${package}")
    string(APPEND find_packages "pkg_check_modules(${package})\n")
  endforeach()
  configure_package_config_file(core/cmake/lullConfig.cmake.in ${gen}/lullConfig.cmake
                                INSTALL_DESTINATION ${package_dir})
  write_basic_package_version_file(${gen}/lullConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/${gen}/lullConfig.cmake
                ${PROJECT_BINARY_DIR}/${gen}/lullConfigVersion.cmake
          DESTINATION ${package_dir} ${into})
  install(EXPORT lull_${layout} FILE lullTargets.cmake NAMESPACE lull:: DESTINATION ${package_dir} ${into})
endfunction()

# Everything.  A new file of the program goes here.
function(lull_install layout)
  set(lib ${${layout}_lib})
  set(data ${CMAKE_INSTALL_DATADIR})
  lull_into(lull)
  install(TARGETS lull RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} ${into})
  install(FILES core/share/lull.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 ${into})
  install(FILES core/share/lull.bash DESTINATION ${data}/bash-completion/completions RENAME lull ${into})
  install(FILES core/share/lull.fish DESTINATION ${data}/fish/vendor_completions.d ${into})
  install(FILES core/share/_lull DESTINATION ${data}/${${layout}_zsh} ${into})
  lull_into(liblull${lull_soversion})
  install(TARGETS lull_shared EXPORT lull_${layout} LIBRARY DESTINATION ${lib} ${into} NAMELINK_SKIP)
  lull_into(liblull-dev)
  install(TARGETS lull_shared LIBRARY DESTINATION ${lib} ${into} NAMELINK_ONLY)
  install(TARGETS lull_static EXPORT lull_${layout} ARCHIVE DESTINATION ${lib} ${into})
  install(FILES ${public_headers} ${PROJECT_BINARY_DIR}/gen/lull_version.h
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/lull ${into})
  lull_into(lull-doc)
  install(DIRECTORY scripts/types DESTINATION ${CMAKE_INSTALL_DATADIR}/lull ${into}
          FILES_MATCHING PATTERN "*.lua")
  lull_install_module(${layout})
  lull_install_found(${layout})
endfunction()

lull_install(install)
lull_install(debian)
lull_install_module(rock)

# ---- packages: core/cmake/package/build makes them of the components ----

set(LULL_MAINTAINER "lull developers <lull@lull.invalid>" CACHE STRING "who answers for the packages")
foreach(file control changelog)
  configure_file(core/cmake/package/${file}.in gen/package/${file} @ONLY)
endforeach()
