#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <engine/execution_context.h>
#include <engine/tensorrt/addresses.h>
#include <engine/tensorrt/aux_streams.h>
#include <engine/tensorrt/nvinfer.h>
#include <engine/tensorrt/output_allocator.h>
#include <engine/tensorrt/profile_switch.h>
#include <engine/tensorrt/profiler.h>
#include <engine/tensorrt/profiles.h>
#include <engine/tensorrt/temporary_storage.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

class TensorRtEngine;

/// A TensorRT execution context (IExecutionContext), whose memory the caller gives.
///
/// Profiles: none pinned, `resolve_shapes` keeps the present profile while it fits and else takes the first that does.
///
/// In steady state an enqueue is TensorRT's own, preceded by one or two questions to the driver when the engine has
/// auxiliary streams, and by one when it streams weights. Work of its own that cannot be waited for at the end makes it
/// abandon TensorRT's context and engine, which that work uses.
class TensorRtContext final : public ExecutionContext {
 public:
  static Result<std::unique_ptr<TensorRtContext>> create(TensorRtEngine& engine, std::optional<int> profile);
  ~TensorRtContext() override;

  Status set_input_shape(std::size_t tensor, const Dims& dims) override;
  Status resolve_shapes() override;
  Dims shape(std::size_t tensor) const override { return settings_[tensor].dims; }
  Status bind(std::size_t tensor, std::uint64_t address, std::size_t bytes) override;
  Status prepare_capture(cuda::StreamRef stream) override;
  Status enqueue(cuda::StreamRef stream) override;
  void set_output_allocator(OutputAllocator* allocator) override;
  std::size_t device_memory_bytes() const override { return memory_needed_; }
  Status set_device_memory(std::uint64_t address, std::size_t bytes) override;
  bool set_input_consumed_event(CUevent event) override;
  Status set_layer_timing(bool on) override;
  Result<std::vector<LayerTime>> layer_times() override;

  /// From the next `resolve_shapes` on, this profile and no other.
  void pin(int profile) { pinned_ = profile; }

  /// The shape as TensorRT gives it before the engine has run: -1 for sizes that it cannot tell yet.
  const Dims& open_shape(std::size_t tensor) const { return settings_[tensor].open; }

 private:
  /// What the context is set to for one tensor.
  struct Setting {
    Dims dims;
    Dims open;
    std::unique_ptr<OutputMemory> output_memory = nullptr;  ///< of a data-dependent output
  };

  TensorRtContext(TensorRtEngine& engine, std::unique_ptr<nvinfer1::IExecutionContext> native,
                  std::optional<int> profile);

  Result<int> choose_profile() const;
  std::vector<std::int64_t> host_values(std::size_t tensor) const;
  Status take_profile();
  Error profile_refusal(Error refused) const;
  Status use_profile(int profile);
  Status infer_shapes();
  Status read_output(std::size_t tensor);
  Status measure_memory();
  Status check_complete() const;
  Status make_complete();
  Status give_aux_streams(cuda::StreamRef stream);
  Status refuse_capture(cuda::StreamRef stream) const;
  Status run(cuda::StreamRef stream);
  Status output_failure();
  Error enqueue_failure(cuda::StreamRef stream, const std::string& reason);
  const TensorInfo& info(std::size_t tensor) const;

  TensorRtEngine& engine_;
  TemporaryStorage temporary_storage_;
  std::unique_ptr<nvinfer1::IExecutionContext> native_;
  std::optional<int> pinned_;
  ProfileSwitch profile_;
  std::vector<Setting> settings_;
  Addresses addresses_;
  std::size_t memory_needed_ = 0;
  bool memory_given_ = false;
  bool complete_ = false;  ///< nothing is missing for an enqueue
  AuxStreams aux_streams_;
  OutputAllocator* output_allocator_ = nullptr;
  LayerTimes layer_times_;
  bool times_layers_ = false;
  bool has_output_memory_ = false;
};

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
