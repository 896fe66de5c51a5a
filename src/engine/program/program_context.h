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
  /// Returns once the program has run where an output's shape depends on its data.
  Status enqueue(cuda::StreamRef stream) override;
  void set_output_allocator(OutputAllocator* allocator) override { allocator_ = allocator; }
  void set_failure_sink(FailureSink* sink) override { failures_ = sink; }

  /// Called by the kernels, on the core that they run on. A failure goes to the sink, and leaves zeros.
  void run(std::span<const HostTensor> tensors);
  void copy_results(std::span<const HostTensor> tensors);

 private:
  ProgramContext(ProgramEngine& engine, std::unique_ptr<MethodInstance> instance);

  Status launch(CUfunction kernel, const LaunchParameters& parameters, cuda::StreamRef stream) const;
  Status deliver_results(cuda::StreamRef stream);
  Result<std::uint64_t> place_result(std::size_t tensor, const HostTensor& result, cuda::StreamRef stream);

  ProgramEngine& engine_;
  std::unique_ptr<MethodInstance> instance_;
  cuda::Module module_;
  CUfunction program_ = nullptr;
  CUfunction results_ = nullptr;
  LaunchParameters parameters_;
  LaunchParameters result_parameters_;  ///< data-dependent outputs alone are bound in these
  OutputAllocator* allocator_ = nullptr;
  FailureSink* failures_ = nullptr;
  std::optional<Error> failure_;  ///< of the run that an enqueue waits for
};

}  // namespace etrt::engine::program
