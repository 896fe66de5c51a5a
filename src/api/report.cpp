#include <process/process.h>

#include <etrt/report.h>

namespace etrt {

Report report() {
  return process::Process::instance().report();
}

void time_layers(bool on) noexcept {
  process::Process::instance().time_layers(on);
}

}  // namespace etrt
