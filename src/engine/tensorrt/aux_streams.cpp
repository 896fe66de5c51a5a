#include <algorithm>

#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <cuda/relaxed_capture.h>
#include <cuda/stream_capture.h>
#include <cuda/waits.h>
#include <engine/tensorrt/aux_streams.h>
#include <engine/tensorrt/own_work.h>

namespace etrt::engine::tensorrt {

Result<std::span<CUstream>> AuxStreams::streams_for(cuda::StreamRef stream) {
  ETRT_TRY_ASSIGN(CUgreenCtx green, partition_of(stream));
  const auto known = std::find_if(sets_.begin(), sets_.end(), [&](const Set& set) { return set.green == green; });
  if (known != sets_.end() && is_alive(*known)) return given_ = known->streams;

  ETRT_TRY_ASSIGN(const bool in_capture, cuda::is_in_capture(device_.driver, stream));
  if (in_capture) {
    return Error(ErrorCode::kInvalidState,
                 "the stream is being captured, and the engine has no auxiliary streams in its partition yet: run the "
                 "program once on a stream of this partition before the capture");
  }
  given_ = {};
  // The application may make a partition for every job: streams of those that are gone must not pile up.
  std::erase_if(sets_, [&](const Set& set) { return set.green == green || !is_alive(set); });
  ETRT_TRY_ASSIGN(Set made, create_set(green));
  sets_.push_back(std::move(made));
  return given_ = sets_.back().streams;
}

bool AuxStreams::drain(cuda::StreamRef stream) {
  // Waiting for a stream that is in capture would break the capture, so one that may be is not waited for.
  const auto in_capture = cuda::is_in_capture(device_.driver, stream);
  if (in_capture.ok() && *in_capture) return true;
  if (in_capture.ok() && wait_for_end(device_, given_)) return true;
  is_at_work_ = true;
  return join(stream).ok();
}

Status AuxStreams::join(cuda::StreamRef stream) const {
  const cuda::Driver& driver = device_.driver;
  ETRT_TRY_ASSIGN(const auto relaxed, cuda::RelaxedCapture::enter(driver));
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push_for_cleanup(driver, device_.primary));
  ETRT_TRY_ASSIGN(const auto event, cuda::create_event(driver));
  for (CUstream aux : given_) {
    ETRT_TRY(cuda::check(driver, driver.cuEventRecord(event.get(), aux), "cuEventRecord"));
    ETRT_TRY(cuda::check(driver, driver.cuStreamWaitEvent(stream.get(), event.get(), 0), "cuStreamWaitEvent"));
  }
  return {};
}

bool AuxStreams::settle() {
  if (!is_at_work_) return true;
  // The streams may be gone by now, their work need not.
  is_at_work_ = !cuda::wait_for_device(device_);
  return !is_at_work_;
}

Result<CUgreenCtx> AuxStreams::partition_of(cuda::StreamRef stream) const {
  CUgreenCtx green = nullptr;
  if (!device_.driver.cuStreamGetGreenCtx) return green;
  ETRT_TRY(
      cuda::check(device_.driver, device_.driver.cuStreamGetGreenCtx(stream.get(), &green), "cuStreamGetGreenCtx"));
  return green;
}

/// Streams outlive their green context only to be destroyed (CUDA_ERROR_STREAM_DETACHED), and CUDA may give its handle
/// to another.
bool AuxStreams::is_alive(const Set& set) const {
  if (set.green == nullptr) return true;
  CUgreenCtx green = nullptr;
  return device_.driver.cuStreamGetGreenCtx(set.streams.front(), &green) == CUDA_SUCCESS && green == set.green;
}

Result<AuxStreams::Set> AuxStreams::create_set(CUgreenCtx green) {
  ETRT_TRY_ASSIGN(const auto relaxed, cuda::RelaxedCapture::enter(device_.driver));
  // Not the caller's context, which may be a green one that the streams would belong to.
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push(device_.driver, device_.primary));
  Set set{green, {}, {}};
  for (std::size_t i = 0; i < count_; ++i) {
    auto stream =
        green == nullptr ? cuda::create_stream(device_.driver) : cuda::create_green_stream(device_.driver, green);
    if (!stream.ok()) return std::move(stream).error().within("an auxiliary stream for the engine");
    set.streams.push_back(stream->get());
    set.owners.push_back(std::move(stream).value());
  }
  return set;
}

}  // namespace etrt::engine::tensorrt
