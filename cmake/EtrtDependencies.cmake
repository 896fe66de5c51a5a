# Where the dependencies come from: Debian packages, and the wheels in .venv (see requirements.txt).
file(GLOB ETRT_SITE_PACKAGES ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages)
if(ETRT_SITE_PACKAGES)
  # Behind what the caller named in CMAKE_PREFIX_PATH or executorch_DIR.
  list(APPEND CMAKE_PREFIX_PATH ${ETRT_SITE_PACKAGES}/executorch)
endif()

find_package(Threads REQUIRED)
find_package(executorch 1.5 REQUIRED COMPONENTS runtime kernels_optimized threadpool backend_xnnpack etdump)
# Its targets write the absolute path of its libraries into what links them, which CMake does by itself in a build tree and
# must not do in what is installed.
foreach(component runtime kernels_optimized kernels_quantized threadpool backend_xnnpack etdump)
  if(TARGET executorch::${component})
    get_target_property(options executorch::${component} INTERFACE_LINK_OPTIONS)
    if(options)
      list(FILTER options EXCLUDE REGEX "^LINKER:-rpath,/")
      set_property(TARGET executorch::${component} PROPERTY INTERFACE_LINK_OPTIONS "${options}")
    endif()
  endif()
endforeach()
# Its package's own folder, which holds include/, lib/ and the schema of program files.
list(GET EXECUTORCH_INCLUDE_DIRS 0 ETRT_EXECUTORCH_ROOT)
get_filename_component(ETRT_EXECUTORCH_ROOT ${ETRT_EXECUTORCH_ROOT} DIRECTORY)
get_filename_component(ETRT_EXECUTORCH_ROOT ${ETRT_EXECUTORCH_ROOT} ABSOLUTE)
set(ETRT_EXECUTORCH_SCHEMA_DIR ${ETRT_EXECUTORCH_ROOT}/schema)
if(NOT EXISTS ${ETRT_EXECUTORCH_SCHEMA_DIR}/program.fbs)
  message(FATAL_ERROR "ExecuTorch in ${executorch_DIR} comes without schema/program.fbs, the format of program files: "
    "use the wheel's package, or copy the folder `schema` of ExecuTorch's sources to ${ETRT_EXECUTORCH_SCHEMA_DIR}")
endif()
message(STATUS "ExecuTorch's schema: ${ETRT_EXECUTORCH_SCHEMA_DIR}")
find_package(nlohmann_json REQUIRED)

# CUDA's headers alone; the driver is opened at run time.
find_path(ETRT_CUDA_INCLUDE_DIR cudaTypedefs.h
  HINTS ${ETRT_SITE_PACKAGES}/nvidia/cu13/include ENV CUDA_HOME PATH_SUFFIXES include REQUIRED)
add_library(CUDA::headers INTERFACE IMPORTED)
target_include_directories(CUDA::headers SYSTEM INTERFACE ${ETRT_CUDA_INCLUDE_DIR})

if(ETRT_BUILD_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
