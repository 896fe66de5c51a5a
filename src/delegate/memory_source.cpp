#include <delegate/runtime.h>
#include <etrt/memory.h>

namespace etrt {

Status set_memory_source(const Device& device, std::shared_ptr<MemorySource> source) {
  return delegate::Runtime::instance().pools.of(device.native()).set_source(std::move(source));
}

}  // namespace etrt
