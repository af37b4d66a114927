# What `make install` puts where.  Every path is relative, so that the prefix may be
# chosen at install time and the installed tree may be moved.

include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lull)
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(TARGETS lull RUNTIME)
install(TARGETS lull_shared lull_static EXPORT lull)
install(TARGETS lull_module LIBRARY DESTINATION lib/lua/5.4)
install(FILES ${public_headers} ${PROJECT_BINARY_DIR}/gen/lull_version.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/lull)
install(DIRECTORY scripts/types DESTINATION ${CMAKE_INSTALL_DATADIR}/lull
        FILES_MATCHING PATTERN "*.lua")

# pkg-config
file(RELATIVE_PATH up /${pkgconfig_dir} /)
string(REGEX REPLACE "/$" "" up "${up}")
list(TRANSFORM CMAKE_DL_LIBS PREPEND " -l" OUTPUT_VARIABLE dl_flags)
configure_file(core/cmake/lull.pc.in gen/lull.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/gen/lull.pc DESTINATION ${pkgconfig_dir})

# CMake: find_package(lull), then link lull::lull or lull::static; modules: lull::headers
set(find_packages "")
foreach(package "LULL_LUA ${LULL_LUA_MODULE_NAME}" "LULL_EVENT libevent_core")
  string(REPLACE " " " REQUIRED QUIET IMPORTED_TARGET " package "${package}")
  string(APPEND find_packages "pkg_check_modules(${package})\n")
endforeach()
configure_package_config_file(core/cmake/lullConfig.cmake.in gen/lullConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(gen/lullConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/gen/lullConfig.cmake
              ${PROJECT_BINARY_DIR}/gen/lullConfigVersion.cmake DESTINATION ${package_dir})
install(EXPORT lull FILE lullTargets.cmake NAMESPACE lull:: DESTINATION ${package_dir})
