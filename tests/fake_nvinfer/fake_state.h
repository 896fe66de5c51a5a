#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include <cuda/driver.h>

namespace etrt::fake {

/// What a test tells the fake library, and what the library tells the test. `etrt_fake_nvinfer_state` of the library
/// gives the one that it has.
struct State {
  // Set before an engine is loaded; engines keep them.
  const cuda::Driver* driver = nullptr;
  const void* kernel_image = nullptr;
  std::function<void()> while_loading = nullptr;  ///< called by each runtime that makes an engine, on its thread

  /// Ends all contexts, engines and runtimes that are alive, for tests that have them abandoned.
  void (*end_all)() = nullptr;

  std::atomic<int> runtimes{0};
  std::atomic<int> runtimes_ended_early{0};  ///< before an engine of theirs
  std::atomic<int> engines_alive{0};
  std::atomic<int> contexts_alive{0};
  std::atomic<int> plugins_loaded{0};
  std::atomic<int> profile_switches{0};
  std::atomic<int> shapes_set{0};
  std::atomic<int> addresses_set{0};
  std::atomic<int> aux_streams_set{0};
  std::atomic<int> enqueues{0};
  std::atomic<int> own_aux_streams{0};          ///< used because nobody gave any
  std::atomic<CUstream> left_running{nullptr};  ///< an auxiliary stream that a failed enqueue did not join
  std::atomic<int> own_temporary_storage{0};    ///< allocated because there was no allocator
  std::atomic<std::int64_t> headers_version{0};
  std::atomic<std::int64_t> budget{-1};
};

using GetState = State* (*)();

}  // namespace etrt::fake
