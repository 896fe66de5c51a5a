#include <process/process.h>

namespace etrt::process {

Process& Process::instance() {
  static Process* const process = new Process();
  return *process;
}

Report Process::report() {
  Report report = handles_.report();
  report.memory = memory_.report();
  report.abandoned_programs = abandoned_.count();
  return report;
}

engine::Loaders& Process::loaders() {
  std::call_once(loaders_made_, [this] {
    const Settings& settings = environment_.settings();
    loaders_ = std::make_unique<engine::Loaders>(engine::tensorrt::SearchPlaces{
        settings.tensorrt_library, engine::tensorrt::installed_site_packages(settings.virtual_environment),
        settings.tensorrt_lean_runtime});
  });
  return *loaders_;
}

}  // namespace etrt::process
