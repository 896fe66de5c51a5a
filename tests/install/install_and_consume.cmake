# Installs into a prefix, moves it, checks that nothing in it names this tree, and uses it as strangers do.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "failed (${result}): ${ARGN}")
  endif()
endfunction()

string(MD5 name ${BUILD_DIR})
set(work /tmp/etrt_install_${name})
file(REMOVE_RECURSE ${work})
set(prefix ${work}/moved/prefix)
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${work}/prefix)
file(MAKE_DIRECTORY ${work}/moved)
file(RENAME ${work}/prefix ${prefix})
file(COPY ${TESTS_DIR}/consumer ${TESTS_DIR}/old_cmake ${TESTS_DIR}/hidden_from ${MODEL} DESTINATION ${work})

# Debugging information, which strip takes away, is all that may name the tree.
file(GLOB_RECURSE texts ${prefix}/*.cmake ${prefix}/*.h)
foreach(text ${texts})
  file(READ ${text} content)
  string(FIND "${content}" "${SOURCE_DIR}" found)
  if(NOT found EQUAL -1)
    message(FATAL_ERROR "${text} names ${SOURCE_DIR}")
  endif()
endforeach()
file(GLOB binaries ${prefix}/bin/* ${prefix}/lib*/*.so ${prefix}/lib*/etrt/executorch/lib/*.so)
foreach(binary ${binaries})
  execute_process(COMMAND ${READELF} -d ${binary} OUTPUT_VARIABLE dynamic COMMAND_ERROR_IS_FATAL ANY)
  if(dynamic MATCHES "(RUNPATH|RPATH)[^\n]*(\\[|:)/")
    message(FATAL_ERROR "${binary} looks for libraries in an absolute path:\n${dynamic}")
  endif()
endforeach()

# hidden_from TREE COMMAND...: the rest runs where the tree is not to be seen.
set(hidden ${work}/hidden_from ${SOURCE_DIR})
run(${hidden} ${CMAKE_COMMAND} -S ${work}/consumer -B ${work}/build -G ${GENERATOR} -DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}
    -DCMAKE_CXX_COMPILER=${CXX_COMPILER} -DCMAKE_CXX_FLAGS=${CXX_FLAGS} -DCMAKE_PREFIX_PATH=${prefix})
run(${hidden} ${CMAKE_COMMAND} --build ${work}/build)
get_filename_component(model ${MODEL} NAME)
run(${hidden} ${work}/build/consumer ${work}/${model} ${work}/packed.pte)
run(${hidden} ${work}/build/registers_by_linking_alone)
if(HAS_CLI)
  run(${hidden} env ETRT_CUDA_LIBRARY=none ${prefix}/bin/etrt bench --counts --iterations 2)
endif()

# etrt itself configures with an ExecuTorch that is no wheel in .venv: here, the one that was installed.
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE_DIR} -B ${work}/again -G ${GENERATOR}
    -DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM} -DCMAKE_CXX_COMPILER=${CXX_COMPILER} -DETRT_BUILD_TESTS=OFF
    -Dexecutorch_DIR=${prefix}/lib/etrt/executorch/lib/cmake/executorch
  OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
file(STRINGS ${work}/again/build.ninja from_wheel REGEX "site-packages/executorch/lib/libexecutorch")
if(from_wheel OR NOT text MATCHES "ExecuTorch's schema: ${prefix}/")
  message(FATAL_ERROR "not all is from the ExecuTorch that was named:\n${text}${from_wheel}")
endif()

# A CMake that is too old is told so, in one sentence: this one under an older name, and where this machine has one, it.
file(GLOB others /usr/bin/cmake)
foreach(cmake ${CMAKE_COMMAND} ${others})
  file(REMOVE_RECURSE ${work}/old)
  execute_process(COMMAND ${cmake} -S ${work}/old_cmake -B ${work}/old -DCMAKE_PREFIX_PATH=${prefix}
    RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE text)
  string(REGEX REPLACE "[ \n]+" " " text "${text}")
  if(result EQUAL 0 OR NOT text MATCHES "etrt needs CMake 3.28 or later.*pip install cmake")
    message(FATAL_ERROR "${cmake} is not refused as too old (${result}): ${text}")
  endif()
endforeach()
file(REMOVE_RECURSE ${work})
