#pragma once

#include <atomic>
#include <deque>
#include <optional>

#include <cuda/stream_identity.h>
#include <etrt/stream_guard.h>

namespace etrt::detail {

class GuardTable;

/// What etrt keeps of one guard.
/// Threads: the guard's own, but for `ended`.
struct GuardEntry {
  cudaStream_t stream = nullptr;
  std::optional<cuda::StreamIdentity> identity;  ///< none: no provider knows the stream
  cudaEvent_t last_completion = nullptr;
  cudaEvent_t last_inputs_consumed = nullptr;

  GuardTable* table = nullptr;
  GuardEntry* outer = nullptr;
  std::atomic<bool> ended{false};
};

/// The guards of one thread, innermost first, in memory of their own: it outlives both the thread and its guards,
/// whichever ends first, so a guard that ends where it should not leaves nothing behind that points into it.
/// An ended entry is taken out by the table's own thread alone. After the first guard of a thread nothing is allocated,
/// unless guards nest deeper than before.
/// Threads: `end` any; the rest its own.
class GuardTable {
 public:
  GuardTable(const GuardTable&) = delete;
  GuardTable& operator=(const GuardTable&) = delete;

  /// The calling thread's; null before its first guard.
  static GuardTable* current() noexcept;

  /// Adds an innermost guard to the calling thread's table.
  static GuardEntry& begin(cudaStream_t stream);

  /// Ends a guard, which nobody may name again. False when it was not the innermost of the calling thread.
  static bool end(GuardEntry& entry) noexcept;

  /// The innermost guard that lives.
  GuardEntry* innermost() noexcept;

 private:
  struct ThreadsHold;

  GuardTable() = default;
  ~GuardTable() = default;

  GuardEntry& free_entry();
  void recycle(GuardEntry& entry) noexcept;
  void take_out_ended() noexcept;
  void release() noexcept;

  std::deque<GuardEntry> entries_;
  GuardEntry* innermost_ = nullptr;
  GuardEntry* free_ = nullptr;
  std::atomic<bool> has_ended_{false};  ///< an entry that ended is still linked
  std::atomic<int> references_{1};      ///< the thread's, and one a living guard
};

}  // namespace etrt::detail
