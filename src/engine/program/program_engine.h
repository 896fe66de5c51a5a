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
  Result<std::unique_ptr<ExecutionContext>> create_context(std::optional<int> profile) override;

  std::size_t input_count() const { return input_count_; }
  const cuda::Device& device() const { return device_; }

  /// The shapes of the outputs for these shapes of the inputs. A new combination runs the program once, on zeros, on
  /// the calling thread: ExecuTorch derives shapes in no other way. Remembered for all contexts.
  /// Threads: safe.
  Result<std::vector<Dims>> output_shapes(std::span<const Dims> inputs);

 private:
  explicit ProgramEngine(const cuda::Device& device) : device_(device) {}

  Status open(std::span<const std::byte> bytes);
  std::span<const std::byte> keep(std::span<const std::byte> bytes);
  Result<std::vector<Dims>> probe(std::span<const Dims> inputs);

  const cuda::Device& device_;
  std::unique_ptr<const FileMapping> mapping_;
  std::unique_ptr<std::byte[]> storage_;
  std::size_t storage_bytes_ = 0;
  std::unique_ptr<executorch::extension::BufferDataLoader> loader_;
  std::unique_ptr<executorch::runtime::Program> program_;
  std::string method_;
  std::vector<TensorInfo> tensors_;
  std::size_t input_count_ = 0;

  std::mutex mutex_;
  std::unique_ptr<MethodInstance> probe_;  ///< loaded to learn the tensors, kept to learn shapes
  std::map<std::vector<std::int32_t>, std::vector<Dims>> shapes_;
};

}  // namespace etrt::engine::program
