#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <cuda.h>

#include <vgpu/context.h>

namespace etrt::vgpu {

std::uint64_t next_thread_id();

/// What CUDA keeps per calling thread, once for each virtual GPU that the thread has called.
/// Threads: used by its thread alone, under the machine's mutex; the atomics from any.
struct ThreadState {
  std::uint64_t id = next_thread_id();             ///< unique in the process
  std::vector<std::shared_ptr<Context>> contexts;  ///< the last is current
  CUstreamCaptureMode capture_mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
  bool is_worker = false;
  std::vector<std::pair<const Context*, std::shared_ptr<Stream>>> per_thread_streams;

  std::atomic<bool> thread_ended{false};
  std::atomic<bool> machine_ended{false};

  Context* current() const { return contexts.empty() ? nullptr : contexts.back().get(); }
};

/// The calling thread's state in the machine numbered `instance`; null: it has none yet.
ThreadState* find_thread_state(std::uint64_t instance);

/// Makes one. Null when the thread is ending and can keep none.
std::shared_ptr<ThreadState> make_thread_state(std::uint64_t instance);

}  // namespace etrt::vgpu
