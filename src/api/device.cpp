#include <api/in_context.h>
#include <base/format.h>
#include <base/try.h>
#include <etrt/device.h>
#include <process/process.h>

namespace etrt {

Result<Device> Device::open(const std::string& name) {
  ETRT_TRY_ASSIGN(const cuda::Device* native, process::Process::instance().devices().open(name));
  return Device(*native);
}

std::vector<Device> Device::all() {
  std::vector<Device> devices;
  for (const cuda::Device* native : process::Process::instance().devices().all()) devices.emplace_back(*native);
  return devices;
}

std::string Device::why_no_gpu() {
  return process::Process::instance().devices().why_no_cuda();
}

const std::string& Device::name() const {
  return native_->label;
}
const std::string& Device::description() const {
  return native_->description;
}
bool Device::is_virtual() const {
  return native_->is_virtual;
}
int Device::sm_count() const {
  return native_->sm_count;
}
std::size_t Device::memory_bytes() const {
  return native_->memory_bytes;
}

std::string Device::compute_capability() const {
  if (native_->is_virtual) return {};
  return base::concat(native_->compute_major, ".", native_->compute_minor);
}

Result<PartitionLimits> Device::partition_limits() const {
  return cuda::partition_limits(*native_);
}

Status Device::synchronize() const {
  // The primary context, whichever is current: a green context would synchronise its own streams alone.
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push(native_->driver, native_->primary));
  return cuda::check(native_->driver, native_->driver.cuCtxSynchronize(), "cuCtxSynchronize");
}

Status Device::make_current() const {
  return cuda::check(native_->driver, native_->driver.cuCtxSetCurrent(native_->primary), "cuCtxSetCurrent");
}

}  // namespace etrt
