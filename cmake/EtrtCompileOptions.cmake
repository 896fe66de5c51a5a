# One set of compile options for every target of the project.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_compile_options(-Wall -Wextra -Wpedantic -Wnon-virtual-dtor -Woverloaded-virtual)
if(ETRT_WERROR)
  add_compile_options(-Werror)
endif()
if(ETRT_SANITIZE)
  # What a program outside of this tree must be built with to link the result.
  set(ETRT_CONSUMER_FLAGS -fsanitize=${ETRT_SANITIZE})
  add_compile_options(-fsanitize=${ETRT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ETRT_SANITIZE})
  # GCC warns wrongly of instrumented code, of libstdc++'s <regex> for one, and says so in its manual.
  add_compile_options(-Wno-maybe-uninitialized)
  if(ETRT_SANITIZE MATCHES "undefined")
    # ExecuTorch's prebuilt libraries carry no type information for the vptr check.
    add_compile_options(-fno-sanitize=vptr)
  endif()
endif()
