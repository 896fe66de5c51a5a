#include <algorithm>

#include <engine/tensorrt/answered_calls.h>

namespace etrt::engine::tensorrt {

AnsweredCalls calls_of(const Version& writer, const Version& library) {
  // TensorRT-RTX has had them all since its first version, but for aliases, since one that is not public.
  if (library.major < 8) return {true, true, true, writer >= library};
  const Version older = std::min(writer, library);
  return {older >= Version{10, 0, 0}, older >= Version{10, 1, 0}, older >= Version{10, 14, 0},
          older >= Version{10, 15, 0}};
}

}  // namespace etrt::engine::tensorrt
