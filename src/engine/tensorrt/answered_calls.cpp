#include <algorithm>

#include <engine/tensorrt/answered_calls.h>

namespace etrt::engine::tensorrt {

AnsweredCalls calls_of(const Version& writer, const Version& library) {
  // TensorRT-RTX has had them all since its first version, but for aliases, since one that is not public.
  if (library.major < 8) return {true, true, true, true, true, writer >= library};
  const Version older = std::min(writer, library);
  const bool since_10_0 = older >= Version{10, 0, 0};
  return {since_10_0,
          older >= Version{10, 1, 0},
          since_10_0,
          older >= Version{10, 11, 0},
          older >= Version{10, 14, 0},
          older >= Version{10, 15, 0}};
}

}  // namespace etrt::engine::tensorrt
