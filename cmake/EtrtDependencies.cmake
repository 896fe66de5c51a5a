# Where the dependencies come from: Debian packages, and the wheels in .venv (see requirements.txt).
file(GLOB ETRT_SITE_PACKAGES ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages)
list(APPEND CMAKE_PREFIX_PATH ${ETRT_SITE_PACKAGES}/executorch)

find_package(Threads REQUIRED)
find_package(executorch 1.5 REQUIRED COMPONENTS runtime kernels_optimized threadpool backend_xnnpack etdump)
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
