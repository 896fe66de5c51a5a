# The headers of TensorRT and of TensorRT-RTX, where they are. Headers alone: the libraries are opened at run time.
#   TensorRT_ROOT, TensorRT_RTX_ROOT   folders with include/NvInfer.h (or NvInfer.h itself)
#   ETRT_FETCH_TENSORRT_HEADERS        fetches those of TensorRT from NVIDIA's repository
option(ETRT_FETCH_TENSORRT_HEADERS "Fetch TensorRT's headers from github.com/NVIDIA/TensorRT" OFF)

# The least versions whose headers the adapter compiles with.
set(ETRT_TENSORRT_MINIMUM 10.1)

function(etrt_read_nvinfer_version directory result)
  file(STRINGS ${directory}/NvInferVersion.h lines REGEX "define +(NV_TENSORRT|TRT)_(MAJOR|MINOR)(_ENTERPRISE|_RTX)? +[0-9]+")
  set(version)
  foreach(part MAJOR MINOR)
    string(REGEX MATCH "_${part}(_ENTERPRISE|_RTX)? +([0-9]+)" found "${lines}")
    list(APPEND version ${CMAKE_MATCH_2})
  endforeach()
  list(JOIN version . version)
  set(${result} ${version} PARENT_SCOPE)
endfunction()

# Sets ETRT_TENSORRT_INCLUDE_DIR and ETRT_TENSORRT_RTX_INCLUDE_DIR, empty where there is nothing.
function(etrt_find_tensorrt_headers)
  set(fetched)
  if(ETRT_FETCH_TENSORRT_HEADERS AND NOT TensorRT_ROOT)
    include(FetchContent)
    FetchContent_Declare(tensorrt_headers
      GIT_REPOSITORY https://github.com/NVIDIA/TensorRT.git GIT_SUBMODULES "" SOURCE_SUBDIR include
      # v11.1; by its commit, since a tag may be moved. CMake fetches no single commit, hence the whole history.
      GIT_TAG 82d1dca801c8318a5605399d5240780d0679e4e1)
    FetchContent_MakeAvailable(tensorrt_headers)
    set(fetched ${tensorrt_headers_SOURCE_DIR}/include)
  endif()
  find_path(ETRT_TENSORRT_INCLUDE_DIR NvInfer.h
    HINTS ${TensorRT_ROOT} ${fetched} ENV TensorRT_ROOT PATHS /usr/local/tensorrt /usr/local/TensorRT
    PATH_SUFFIXES include)
  find_path(ETRT_TENSORRT_RTX_INCLUDE_DIR NvInfer.h
    HINTS ${TensorRT_RTX_ROOT} ENV TensorRT_RTX_ROOT PATHS /usr/local/tensorrt_rtx /usr/local/TensorRT-RTX
    PATH_SUFFIXES include NO_DEFAULT_PATH)
  if(ETRT_TENSORRT_INCLUDE_DIR)
    etrt_read_nvinfer_version(${ETRT_TENSORRT_INCLUDE_DIR} version)
    if(version VERSION_LESS ETRT_TENSORRT_MINIMUM)
      message(WARNING "TensorRT ${version} in ${ETRT_TENSORRT_INCLUDE_DIR} is older than ${ETRT_TENSORRT_MINIMUM}: "
        "etrt is built without TensorRT engines")
      set(ETRT_TENSORRT_INCLUDE_DIR "" PARENT_SCOPE)
    else()
      message(STATUS "TensorRT ${version} headers: ${ETRT_TENSORRT_INCLUDE_DIR}")
    endif()
  endif()
  if(ETRT_TENSORRT_RTX_INCLUDE_DIR)
    etrt_read_nvinfer_version(${ETRT_TENSORRT_RTX_INCLUDE_DIR} version)
    message(STATUS "TensorRT-RTX ${version} headers: ${ETRT_TENSORRT_RTX_INCLUDE_DIR}")
  endif()
endfunction()
