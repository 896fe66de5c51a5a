#pragma once

#include <cstddef>
#include <memory/pinned_pool.h>
#include <memory>
#include <process/live_handles.h>
#include <span>
#include <string>

#include <executorch/runtime/core/evalue.h>
#include <executorch/runtime/core/span.h>

#include <cuda/device.h>
#include <delegate/counters.h>
#include <delegate/io_plan.h>
#include <delegate/lane_pool.h>
#include <delegate/options.h>
#include <engine/engine.h>
#include <etrt/report.h>
#include <etrt/result.h>

namespace etrt::process {
class Process;
}

namespace etrt::delegate {

/// One delegated program, loaded: what ExecuTorch knows as a DelegateHandle. It holds the engine it shares with others,
/// and its own lanes.
/// Threads: `execute` may run on several threads at once; each call is ordered by its own stream.
class Handle final : public process::LiveHandle {
 public:
  /// Loads the first payload of the blob that runs on the device the options name. `blob` need not outlive the call.
  /// Nothing is left behind on error.
  static Result<std::unique_ptr<Handle>> create(std::span<const std::byte> blob, const Options& options);

  /// Waits for the handle's own work, whatever became of its streams.
  ~Handle();

  Status execute(executorch::runtime::Span<executorch::runtime::EValue*> arguments);

  ProgramReport report() override;

  const cuda::Device& device() const override { return device_; }
  const IoPlan& plan() const { return plan_; }
  const std::string& variant() const { return variant_; }  ///< what runs: "a host program for host of 60456 bytes"
  std::size_t lane_count() const { return lanes_.size(); }
  const std::shared_ptr<engine::Engine>& engine() const { return engine_; }

 private:
  Handle(process::Process& process, const cuda::Device& device, std::shared_ptr<engine::Engine> engine, IoPlan plan,
         std::string variant, const Options& options);

  process::Process& process_;
  const cuda::Device& device_;
  std::shared_ptr<engine::Engine> engine_;
  IoPlan plan_;
  std::string variant_;
  std::string nvtx_name_;
  Counters counters_;
  memory::PinnedPool pinned_;
  LanePool lanes_;
};

}  // namespace etrt::delegate
