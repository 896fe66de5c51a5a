#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <cuda/device.h>
#include <engine/engine.h>
#include <engine/tensorrt/native_engine.h>
#include <engine/tensorrt/nvinfer.h>
#include <engine/tensorrt/profiles.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

/// A TensorRT engine (ICudaEngine), described once: names, types, profiles, and the bounds of its outputs.
class TensorRtEngine final : public Engine {
 public:
  /// The device's primary context must be current.
  static Result<std::unique_ptr<TensorRtEngine>> create(const cuda::Device& device, NativeEngine native,
                                                        const EngineOptions& options);
  ~TensorRtEngine() override;

  std::span<const TensorInfo> tensors() const override { return tensors_; }
  int profile_count() const override { return profiles_.count(); }
  EngineMemory memory() const override { return memory_; }
  bool synchronous() const override { return synchronous_; }
  bool gains_by_graphs() const override { return true; }
  bool knows_aliases() const override { return native_.knows_aliases(); }
  Result<std::unique_ptr<ExecutionContext>> create_context(std::optional<int> profile) override;

  const cuda::Device& device() const { return device_; }
  const NativeEngine& native() const { return native_; }

  /// Leaves TensorRT's engine to a context that may be at work for ever. Threads: safe.
  void abandon() { is_abandoned_.store(true, std::memory_order_relaxed); }

  /// How many contexts of it there are: not every engine lets two share a profile. Threads: safe.
  int contexts() const { return contexts_.load(std::memory_order_relaxed); }
  void count_context(int change) { contexts_.fetch_add(change, std::memory_order_relaxed); }

  /// Says once in the log what the null stream costs. Threads: safe.
  void note_null_stream();

  const Profiles& profiles() const { return profiles_; }
  const std::vector<std::size_t>& inputs() const { return inputs_; }    ///< indices of tensors, as profiles have them
  const std::vector<std::size_t>& outputs() const { return outputs_; }  ///< indices of tensors
  std::vector<std::string> input_names() const;

  /// What stands for the address of an empty tensor on the device: TensorRT wants device memory and touches nothing
  /// there. 0 when no tensor can be empty.
  std::uint64_t empty_address() const { return nothing_.get(); }

  /// Whether the input's shape must be set on a context: the engine leaves a size open.
  bool is_open(std::size_t tensor) const { return open_[tensor]; }

 private:
  TensorRtEngine(const cuda::Device& device, NativeEngine native) : device_(device), native_(std::move(native)) {}

  Status describe_tensors();
  Status describe_tensor(const char* name);
  Status describe_aliases();
  Status describe_profiles();
  Status bound_outputs();
  Status provide_for_empty_tensors();

  const cuda::Device& device_;
  NativeEngine native_;
  cuda::DeviceMemory nothing_;
  std::vector<TensorInfo> tensors_;
  std::vector<bool> open_;
  std::vector<std::size_t> inputs_;
  std::vector<std::size_t> outputs_;
  Profiles profiles_{{}};
  EngineMemory memory_;
  bool synchronous_ = false;
  std::atomic<int> contexts_ = 0;
  std::atomic<bool> null_stream_noted_ = false;
  std::atomic<bool> is_abandoned_ = false;
};

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
