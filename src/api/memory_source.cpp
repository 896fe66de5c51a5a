#include <etrt/memory.h>
#include <process/process.h>

namespace etrt {

Status set_memory_source(const Device& device, std::shared_ptr<MemorySource> source) {
  return process::Process::instance().memory().of(device.native()).set_source(std::move(source));
}

}  // namespace etrt
