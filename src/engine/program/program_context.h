#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <cuda/owners.h>
#include <engine/execution_context.h>
#include <engine/program/method_instance.h>
#include <engine/program/program_kernel.h>

namespace etrt::engine::program {

class ProgramEngine;

/// One method instance that runs as a kernel on streams of the virtual GPU. Addresses and shapes travel with each
/// launch, so several launches may be in flight on one stream.
class ProgramContext final : public ExecutionContext {
 public:
  static Result<std::unique_ptr<ProgramContext>> create(ProgramEngine& engine,
                                                        std::unique_ptr<MethodInstance> instance);

  Status set_input_shape(std::size_t tensor, const Dims& dims) override;
  Status resolve_shapes() override;
  Dims shape(std::size_t tensor) const override;
  Status bind(std::size_t tensor, std::uint64_t address, std::size_t bytes) override;
  Status enqueue(cuda::StreamRef stream) override;
  void set_failure_sink(FailureSink* sink) override { failures_ = sink; }

  /// Called by the kernel, on the core it runs on. A failure goes to the sink.
  void run(std::span<const HostTensor> tensors);

 private:
  ProgramContext(ProgramEngine& engine, std::unique_ptr<MethodInstance> instance);

  ProgramEngine& engine_;
  std::unique_ptr<MethodInstance> instance_;
  cuda::Module module_;
  CUfunction kernel_ = nullptr;
  LaunchParameters parameters_;
  FailureSink* failures_ = nullptr;
};

}  // namespace etrt::engine::program
