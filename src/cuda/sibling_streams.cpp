#include <algorithm>

#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <cuda/relaxed_capture.h>
#include <cuda/sibling_streams.h>
#include <cuda/stream_capture.h>

namespace etrt::cuda {

Result<std::span<CUstream>> SiblingStreams::streams_for(StreamRef stream) {
  ETRT_TRY_ASSIGN(CUgreenCtx green, partition_of(stream));
  const auto known = std::find_if(sets_.begin(), sets_.end(), [&](const Set& set) { return set.green == green; });
  if (known != sets_.end() && is_alive(*known)) return std::span(known->streams);

  ETRT_TRY_ASSIGN(const bool in_capture, is_in_capture(device_.driver, stream));
  if (in_capture) {
    return Error(ErrorCode::kInvalidState,
                 "the stream is being captured, and the engine has no auxiliary streams in its partition yet: run the "
                 "program once on a stream of this partition before the capture");
  }
  // The application may make a partition for every job: streams of those that are gone must not pile up.
  std::erase_if(sets_, [&](const Set& set) { return set.green == green || !is_alive(set); });
  ETRT_TRY_ASSIGN(Set made, create_set(green));
  sets_.push_back(std::move(made));
  return std::span(sets_.back().streams);
}

Result<CUgreenCtx> SiblingStreams::partition_of(StreamRef stream) const {
  CUgreenCtx green = nullptr;
  if (!device_.driver.cuStreamGetGreenCtx) return green;
  ETRT_TRY(check(device_.driver, device_.driver.cuStreamGetGreenCtx(stream.get(), &green), "cuStreamGetGreenCtx"));
  return green;
}

/// Streams outlive their green context only to be destroyed (CUDA_ERROR_STREAM_DETACHED), and CUDA may give its handle
/// to another.
bool SiblingStreams::is_alive(const Set& set) const {
  if (set.green == nullptr) return true;
  CUgreenCtx green = nullptr;
  return device_.driver.cuStreamGetGreenCtx(set.streams.front(), &green) == CUDA_SUCCESS && green == set.green;
}

Result<SiblingStreams::Set> SiblingStreams::create_set(CUgreenCtx green) {
  ETRT_TRY_ASSIGN(const auto relaxed, RelaxedCapture::enter(device_.driver));
  // Not the caller's context, which may be a green one that the streams would belong to.
  ETRT_TRY_ASSIGN(const auto scope, CurrentContext::push(device_.driver, device_.primary));
  Set set{green, {}, {}};
  for (std::size_t i = 0; i < count_; ++i) {
    auto stream = green == nullptr ? create_stream(device_.driver) : create_green_stream(device_.driver, green);
    if (!stream.ok()) return std::move(stream).error().within(what_);
    set.streams.push_back(stream->get());
    set.owners.push_back(std::move(stream).value());
  }
  return set;
}

}  // namespace etrt::cuda
