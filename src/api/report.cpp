#include <etrt/report.h>
#include <process/process.h>

namespace etrt {

Report report() {
  return process::Process::instance().report();
}

void time_layers(bool on) noexcept {
  process::Process::instance().time_layers(on);
}

std::vector<ProgramLayers> layer_times() {
  return process::Process::instance().handles().layer_times();
}

}  // namespace etrt
