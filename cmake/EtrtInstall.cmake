# find_package(etrt) for others: etrt::backend (the delegate, registers itself when loaded), etrt::pte, the headers.
include(CMakePackageConfigHelpers)

set_target_properties(executorch_backend_tensorrt PROPERTIES EXPORT_NAME backend)
set_target_properties(executorch_backend_tensorrt etrt_pte PROPERTIES
  INSTALL_RPATH "$ORIGIN" INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS executorch_backend_tensorrt etrt_pte EXPORT etrtTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(ETRT_BUILD_CLI)
  set_target_properties(etrt PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}" INSTALL_RPATH_USE_LINK_PATH ON)
  install(TARGETS etrt RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/etrt)
install(EXPORT etrtTargets NAMESPACE etrt:: DESTINATION ${package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/etrtConfig.cmake.in ${CMAKE_BINARY_DIR}/etrtConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/etrtConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/etrtConfig.cmake ${CMAKE_BINARY_DIR}/etrtConfigVersion.cmake DESTINATION ${package_dir})
