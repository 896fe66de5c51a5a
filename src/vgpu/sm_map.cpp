#include <algorithm>
#include <numeric>
#include <pthread.h>
#include <unistd.h>

#include <vgpu/sm_map.h>

namespace etrt::vgpu {

void Partition::confine_thread() const {
  static_cast<void>(pthread_setaffinity_np(pthread_self(), sizeof(cores), &cores));
}

SmMap::SmMap(int sm_count) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  // The process, not the calling thread: that one may be confined already.
  if (sched_getaffinity(getpid(), sizeof(allowed), &allowed) == 0) {
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &allowed)) cores_.push_back(core);
    }
  }
  if (cores_.empty()) cores_.push_back(0);
  sm_count_ = std::clamp(sm_count > 0 ? sm_count : static_cast<int>(cores_.size()), 1, kMaximum);
}

std::shared_ptr<const Partition> SmMap::make_partition(std::uint64_t id, std::vector<unsigned> sms) const {
  auto partition = std::make_shared<Partition>();
  partition->id = id;
  CPU_ZERO(&partition->cores);
  for (const unsigned sm : sms) CPU_SET(core_of(sm), &partition->cores);
  partition->sms = std::move(sms);
  return partition;
}

std::shared_ptr<const Partition> SmMap::whole_device() const {
  std::vector<unsigned> all(sm_count_);
  std::iota(all.begin(), all.end(), 0u);
  return make_partition(0, std::move(all));
}

}  // namespace etrt::vgpu
