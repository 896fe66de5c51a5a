#pragma once

#include <cuda/device.h>
#include <cuda/owners.h>
#include <engine/tensorrt/nvinfer.h>
#include <etrt/result.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

/// Which optimization profile an execution context has, and the change to another. TensorRT enqueues copies for it,
/// here on a stream of the context's own, since they run on no SM; the next enqueue waits for them on the device.
/// Threads: one caller at a time.
class ProfileSwitch {
 public:
  /// `profile` is what TensorRT gave the context; -1: none, since another context had it.
  ProfileSwitch(const cuda::Device& device, int profile) : device_(device), profile_(profile), is_set_(profile >= 0) {}

  /// The profile set last.
  int profile() const { return profile_; }

  /// False before the first one, and after a change that failed: the context may then have either, or neither.
  bool is_set() const { return is_set_; }

  /// The context's addresses count as lost then, since TensorRT does not promise to keep them.
  Status set(nvinfer1::IExecutionContext& context, int profile);

  /// Whether no enqueue has waited for the copies yet.
  bool is_pending() const { return is_pending_; }

  /// Orders the next enqueue on `stream` behind the copies, as TensorRT demands. Later ones are ordered behind that
  /// one, once `passed` says that there was one.
  Status order(cuda::StreamRef stream) const;
  void passed() { is_pending_ = false; }

  /// Waits for copies that no enqueue has waited for. False when nothing proves that they are over.
  bool settle();

 private:
  const cuda::Device& device_;
  cuda::Stream stream_;
  cuda::Event copied_;
  int profile_;
  bool is_set_;
  bool is_pending_ = false;
};

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
