#include <mutex>
#include <vector>

#include <engine/loader.h>
#include <engine/program/program_loader.h>
#include <engine/tensorrt/loaders.h>

namespace etrt::engine {
namespace {

struct Registry {
  Registry() : loaders{&program, &tensorrt::tensorrt_loader(), &tensorrt::tensorrt_rtx_loader()} {}

  const program::ProgramLoader program;
  std::mutex mutex;
  std::vector<const Loader*> loaders;
};

/// Never destroyed: delegates may load programs for as long as the process runs.
Registry& registry() {
  static Registry* const instance = new Registry();
  return *instance;
}

}  // namespace

const Loader* find_loader(std::string_view kind) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  for (const Loader* loader : all.loaders) {
    if (loader->kind() == kind) return loader;
  }
  return nullptr;
}

void add_loader(const Loader& loader) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  all.loaders.push_back(&loader);
}

}  // namespace etrt::engine
