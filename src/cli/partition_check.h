#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <etrt/partition.h>
#include <etrt/result.h>

namespace etrt::cli {

/// What `check_partition` found.
struct PartitionCheck {
  bool confined = false;
  std::vector<unsigned> sms;         ///< the partition's
  std::chrono::nanoseconds held{0};  ///< how long they were full; 0 on the virtual GPU
  std::string finding;               ///< in a sentence
};

/// Finds out whether `run`, which runs a program on a stream of the partition and returns when it is done, keeps to
/// the partition's SMs. It is called twice, and must need nothing then that waits for the whole device: it has run
/// before with the same shapes.
///
/// On a GPU, the first call is timed. For the second all SMs of the partition are full, for at least `hold` and three
/// times as long as the first took; a program that is done meanwhile ran elsewhere. This does not see single kernels
/// that leave the partition while others of the program stay in it.
/// On the virtual GPU, every operation of the second call must have run in the partition, on its cores.
///
/// Errors: `run`'s own; `kInvalidState` when the device is too busy to tell, or when the program put no work on it.
/// Threads: one check at a time, while the device has no other work. `run` may be called on another thread.
Result<PartitionCheck> check_partition(const Partition& partition, const std::function<Status()>& run,
                                       std::chrono::nanoseconds hold = std::chrono::milliseconds(50));

}  // namespace etrt::cli
