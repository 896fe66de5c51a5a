#pragma once

#include <cstdint>
#include <memory>
#include <sched.h>
#include <vector>

namespace etrt::vgpu {

/// A set of SMs in which work runs: the whole device, or those of a green context.
/// Threads: immutable.
struct Partition {
  std::uint64_t id = 0;  ///< 0: the whole device
  std::vector<unsigned> sms;
  cpu_set_t cores{};  ///< where the SMs are

  /// Confines the calling thread to the partition's cores. A system that forbids it keeps the thread where it is.
  void confine_thread() const;
};

/// Which core each SM is: SM i is the i-th core this process may run on; more SMs than cores share them in turn.
/// Threads: immutable.
class SmMap {
 public:
  /// The most SMs a device can have.
  static constexpr int kMaximum = 512;

  /// `sm_count` 0: one per core.
  explicit SmMap(int sm_count);

  int sm_count() const { return sm_count_; }
  int core_of(unsigned sm) const { return cores_[sm % cores_.size()]; }
  std::shared_ptr<const Partition> make_partition(std::uint64_t id, std::vector<unsigned> sms) const;
  std::shared_ptr<const Partition> whole_device() const;

 private:
  std::vector<int> cores_;
  int sm_count_;
};

}  // namespace etrt::vgpu
