#include <algorithm>
#include <vector>

#include <base/format.h>
#include <delegate/load/planned_memory.h>

namespace etrt::delegate {
namespace {

struct Planned {
  int index;
  const cuda::Device* device;
};

struct Loading {
  const void* method = nullptr;  ///< once one of its delegates has asked
  std::vector<Planned> planned;
};

thread_local Loading loading;

}  // namespace

void note_planned_memory(int index, const cuda::Device& device) {
  if (loading.method != nullptr) loading = {};
  loading.planned.push_back({index, &device});
}

Status check_planned_memory(const void* method, const cuda::Device& device, const Options& options) {
  if (loading.method != nullptr && loading.method != method) loading = {};
  loading.method = method;
  const std::vector<Planned>& planned = loading.planned;
  const auto is_here = [&](const Planned& one) { return one.device == &device; };
  if (planned.empty() || std::any_of(planned.begin(), planned.end(), is_here)) return {};
  const auto is_labelled = [&](const Planned& one) { return one.index == options.labelled_device; };
  const auto found = std::find_if(planned.begin(), planned.end(), is_labelled);
  if (options.labelled_device && found == planned.end()) return {};
  const Planned& elsewhere = options.labelled_device ? *found : planned.front();
  return Error(
      ErrorCode::kInvalidArgument,
      base::concat("the program runs on ", device.label, ", but the memory that it plans on CUDA device ",
                   elsewhere.index, " is on ", elsewhere.device->label, ": load it under a guard on a stream of ",
                   device.label, ", or leave the choice of the device to the program"));
}

}  // namespace etrt::delegate
