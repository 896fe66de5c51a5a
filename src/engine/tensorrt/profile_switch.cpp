#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <cuda/relaxed_capture.h>
#include <cuda/stream_capture.h>
#include <cuda/waits.h>
#include <engine/tensorrt/logger.h>
#include <engine/tensorrt/own_work.h>
#include <engine/tensorrt/profile_switch.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

Status ProfileSwitch::set(nvinfer1::IExecutionContext& context, int profile) {
  const cuda::Driver& driver = device_.driver;
  // The copies belong to no capture that may be under way, and the stream to no green context of the caller.
  ETRT_TRY_ASSIGN(const auto relaxed, cuda::RelaxedCapture::enter(driver));
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push(driver, device_.primary));
  if (!stream_) {
    ETRT_TRY_ASSIGN(copied_, cuda::create_event(driver));
    ETRT_TRY_ASSIGN(stream_, cuda::create_stream(driver));
  }
  is_set_ = false;
  is_pending_ = true;
  const LoggedErrors errors;
  if (!context.setOptimizationProfileAsync(profile, stream_.get())) {
    return Error(ErrorCode::kDriver, base::concat("optimization_profile ", profile, " was refused: ", errors.text()));
  }
  ETRT_TRY(cuda::check(driver, driver.cuEventRecord(copied_.get(), stream_.get()), "cuEventRecord"));
  profile_ = profile;
  is_set_ = true;
  return {};
}

Status ProfileSwitch::order(cuda::StreamRef stream) const {
  const cuda::Driver& driver = device_.driver;
  ETRT_TRY_ASSIGN(const bool in_capture, is_in_capture(driver, stream));
  if (!in_capture) {
    return cuda::check(driver, driver.cuStreamWaitEvent(stream.get(), copied_.get(), 0), "cuStreamWaitEvent");
  }
  // A graph cannot wait for what was enqueued outside of its capture.
  return cuda::synchronize(driver, copied_.get());
}

bool ProfileSwitch::settle() {
  if (!is_pending_) return true;
  const CUstream stream = stream_.get();
  is_pending_ = !wait_for_end(device_, {&stream, 1});
  return !is_pending_;
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
