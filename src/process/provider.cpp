#include <base/format.h>
#include <base/try.h>
#include <cuda/error.h>
#include <process/provider.h>

namespace etrt::process {

Provider::Provider(const cuda::Driver& plain, cuda::CallHook* hook, bool is_virtual) : is_virtual_(is_virtual) {
  if (hook != nullptr) decorated_ = std::make_unique<cuda::DecoratedDriver>(plain, *hook);
  table_ = decorated_ ? &decorated_->table() : &plain;
}

Status Provider::initialise() {
  if (initialised_) return {};
  ETRT_TRY(cuda::check(*table_, table_->cuInit(0), "cuInit"));
  initialised_ = true;
  return {};
}

Result<int> Provider::device_count() {
  ETRT_TRY(initialise());
  int count = 0;
  ETRT_TRY(cuda::check(*table_, table_->cuDeviceGetCount(&count), "cuDeviceGetCount"));
  return count;
}

Result<const cuda::Device*> Provider::open(int ordinal) {
  for (const auto& device : devices_) {
    if (device->ordinal == ordinal) return device.get();
  }
  auto count = device_count();
  if (!count.ok()) return std::move(count).error().within(base::concat("device ", kind(), ":", ordinal));
  if (ordinal >= *count) {
    return Error(ErrorCode::kNotFound, base::concat("device ", kind(), ":", ordinal, " is not there: this process has ",
                                                    *count, " ", kind(), *count == 1 ? " device" : " devices",
                                                    is_virtual_ ? " (ETRT_VGPU_DEVICES sets another number)" : ""));
  }
  ETRT_TRY_ASSIGN(auto device, cuda::Device::open(*table_, ordinal, is_virtual_));
  devices_.push_back(std::make_unique<const cuda::Device>(std::move(device)));
  return devices_.back().get();
}

}  // namespace etrt::process
