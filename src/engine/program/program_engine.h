#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <executorch/extension/data_loader/buffer_data_loader.h>
#include <executorch/runtime/executor/program.h>

#include <cuda/device.h>
#include <engine/engine.h>
#include <engine/file_range.h>
#include <engine/program/method_instance.h>

namespace etrt::engine::program {

/// A complete ExecuTorch program run as an engine of the virtual GPU. Every context loads a method of its own over the
/// one loaded program.
class ProgramEngine final : public Engine {
 public:
  /// Where `bytes` are of a mapped file the engine maps it too, else it copies them: it is shared by handles whose
  /// files may be closed at different times.
  static Result<std::unique_ptr<ProgramEngine>> load(const cuda::Device& device, std::span<const std::byte> bytes);

  std::span<const TensorInfo> tensors() const override { return tensors_; }
  EngineMemory memory() const override { return {.host_copy = storage_bytes_}; }
  bool keeps_state() const override { return keeps_state_; }
  Result<std::unique_ptr<ExecutionContext>> create_context(std::optional<int> profile) override;

  std::size_t input_count() const { return input_count_; }
  const cuda::Device& device() const { return device_; }

  /// Whether some output's shape is known only after each run; every dynamic output's is, then.
  bool has_data_dependent_outputs() const { return data_dependent_; }

  /// The shapes of the outputs for these shapes of the inputs, upper bounds of data-dependent ones. A new combination
  /// runs the program once, on zeros, on the calling thread: ExecuTorch derives shapes in no other way. Remembered for
  /// all contexts.
  /// Threads: safe; none waits for another's run.
  Result<std::vector<Dims>> output_shapes(std::span<const Dims> inputs);

  /// A method with state of its own, as loaded.
  /// Threads: safe.
  Result<std::unique_ptr<MethodInstance>> create_instance() const;

 private:
  explicit ProgramEngine(const cuda::Device& device) : device_(device) {}

  Status open(std::span<const std::byte> bytes);
  std::span<const std::byte> keep(std::span<const std::byte> bytes);
  void decide_data_dependence(bool by_operators);
  Result<std::vector<Dims>> learn_shapes(std::span<const Dims> inputs);

  const cuda::Device& device_;
  std::unique_ptr<const FileMapping> mapping_;
  std::unique_ptr<std::byte[]> storage_;
  std::size_t storage_bytes_ = 0;
  std::unique_ptr<executorch::extension::BufferDataLoader> loader_;
  std::unique_ptr<executorch::runtime::Program> program_;
  std::string method_;
  std::vector<TensorInfo> tensors_;
  std::size_t input_count_ = 0;
  bool keeps_state_ = false;
  bool data_dependent_ = false;
  bool has_dynamic_outputs_ = false;

  std::mutex mutex_;                       ///< never held while the program runs or loads
  std::unique_ptr<MethodInstance> probe_;  ///< loaded to learn the tensors, lent to whoever learns shapes
  std::map<std::vector<std::int32_t>, std::vector<Dims>> shapes_;
};

}  // namespace etrt::engine::program
