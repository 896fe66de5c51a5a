#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include <executorch/runtime/core/evalue.h>
#include <executorch/runtime/core/span.h>

#include <cuda/device.h>
#include <delegate/load/io_plan.h>
#include <delegate/load/options.h>
#include <engine/engine.h>
#include <etrt/report.h>
#include <etrt/result.h>
#include <memory/device_pools.h>
#include <process/live_handles.h>

namespace etrt::delegate {

/// One delegated program, loaded: what ExecuTorch knows as a DelegateHandle. It holds the engine it shares with others,
/// and its own execution slots.
/// Threads: `execute` may run on several threads at once; each call is ordered by its own stream.
class Handle final : public process::LiveHandle {
 public:
  /// Loads the first payload of the blob that runs on the device the options name. `blob` need not outlive the call.
  /// Nothing is left behind on error.
  static Result<std::unique_ptr<Handle>> create(std::span<const std::byte> blob, const Options& options);

  /// Waits for the handle's own work, whatever became of its streams. Where no wait succeeds, what the work may use is
  /// left to it. A failure that no call was told of is logged.
  ~Handle();

  Status execute(executorch::runtime::Span<executorch::runtime::EValue*> arguments);

  /// Waits for nobody, and consumes nothing.
  ProgramReport report() const override;

  /// The layers of the last call, if they were measured. Waits for it.
  ProgramLayers layer_times() override;

  const cuda::Device& device() const;
  memory::DevicePools& memory() const;
  const IoPlan& plan() const;
  const std::string& variant() const;  ///< what runs: "a host program for host of 60456 bytes"
  std::size_t slot_count() const;
  const std::shared_ptr<engine::Engine>& engine() const;

 private:
  struct Program;

  explicit Handle(std::unique_ptr<Program> program);

  std::unique_ptr<Program> program_;
};

}  // namespace etrt::delegate
