# find_package(etrt) for others: etrt::backend (the delegate, registers itself when loaded), etrt::pte, the headers.
# What is installed refers to nothing outside of itself and may be moved.
include(CMakePackageConfigHelpers)

# ExecuTorch as its wheel has it, in a folder of ours: another one beside etrt is not overwritten.
set(ETRT_EXECUTORCH_PREFIX ${CMAKE_INSTALL_LIBDIR}/etrt/executorch)
set(libraries_rpath "$ORIGIN")
if(ETRT_INSTALL_EXECUTORCH)
  list(APPEND libraries_rpath "$ORIGIN/etrt/executorch/lib")
  # The last, for quantized programs, is opened when one needs it; not every package has it.
  foreach(name executorch executorch_threadpool executorch_kernels_optimized executorch_backend_xnnpack executorch_etdump
          executorch_kernels_quantized)
    install(FILES ${ETRT_EXECUTORCH_ROOT}/lib/lib${name}.so DESTINATION ${ETRT_EXECUTORCH_PREFIX}/lib OPTIONAL)
  endforeach()
  install(DIRECTORY ${ETRT_EXECUTORCH_ROOT}/include ${ETRT_EXECUTORCH_ROOT}/schema DESTINATION ${ETRT_EXECUTORCH_PREFIX}
    PATTERN test EXCLUDE)
  foreach(folder lib/cmake/executorch share/cmake)
    install(DIRECTORY ${ETRT_EXECUTORCH_ROOT}/${folder}/ DESTINATION ${ETRT_EXECUTORCH_PREFIX}/${folder})
  endforeach()
  file(GLOB licenses ${ETRT_EXECUTORCH_ROOT}/../executorch-*.dist-info/LICENSE*
    ${ETRT_EXECUTORCH_ROOT}/../executorch-*.dist-info/licenses/LICENSE* ${ETRT_EXECUTORCH_ROOT}/LICENSE*)
  install(FILES ${licenses} DESTINATION ${ETRT_EXECUTORCH_PREFIX})
endif()

set_target_properties(executorch_backend_tensorrt PROPERTIES EXPORT_NAME backend)
set_target_properties(executorch_backend_tensorrt etrt_pte PROPERTIES INSTALL_RPATH "${libraries_rpath}")
install(TARGETS executorch_backend_tensorrt etrt_pte EXPORT etrtTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(ETRT_BUILD_CLI)
  file(RELATIVE_PATH from_bin ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
  string(REPLACE "$ORIGIN" "$ORIGIN/${from_bin}" program_rpath "${libraries_rpath}")
  set_target_properties(etrt PROPERTIES INSTALL_RPATH "${program_rpath}")
  install(TARGETS etrt RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/etrt)
install(EXPORT etrtTargets NAMESPACE etrt:: DESTINATION ${package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/etrtConfig.cmake.in ${CMAKE_BINARY_DIR}/etrtConfig.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS ETRT_EXECUTORCH_PREFIX)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/etrtConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/etrtConfig.cmake ${CMAKE_BINARY_DIR}/etrtConfigVersion.cmake DESTINATION ${package_dir})
