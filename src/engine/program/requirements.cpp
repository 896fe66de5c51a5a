#include <algorithm>
#include <dlfcn.h>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <executorch/runtime/backend/interface.h>
#include <executorch/runtime/kernel/operator_registry.h>

#include <base/format.h>
#include <base/try.h>
#include <engine/program/requirements.h>
#include <etrt/options.h>

namespace etrt::engine::program {
namespace {

namespace et = executorch::runtime;

constexpr const char* kQuantizedLibrary = "libexecutorch_kernels_quantized.so";

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

/// Operators without a kernel of any kind: which one fits the types is ExecuTorch's to say when it loads the method.
std::vector<std::string> without_kernels(const std::vector<std::string>& operators) {
  const auto kernels = et::get_registered_kernels();
  std::vector<std::string> missing;
  std::copy_if(operators.begin(), operators.end(), std::back_inserter(missing), [&](const std::string& name) {
    return std::none_of(kernels.begin(), kernels.end(), [&](const et::Kernel& kernel) {
      return kernel.name_ != nullptr && std::string_view(kernel.name_) == name;
    });
  });
  return missing;
}

/// The folder of the library that holds ExecuTorch's registry, with a slash behind it; empty where it has none.
std::string executorch_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&et::get_registered_kernels), &info) == 0) return {};
  const std::string path = info.dli_fname == nullptr ? "" : info.dli_fname;
  return path.substr(0, path.rfind('/') + 1);
}

/// Beside ExecuTorch's other libraries, else where the loader finds it. Registering its kernels a second time would end
/// the process, so it is opened only where they are missing, and never closed.
Status open_quantized_kernels() {
  const std::string beside = executorch_folder() + kQuantizedLibrary;
  if (dlopen(beside.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr) return {};
  const char* reason = dlerror();
  std::string tried = reason == nullptr ? beside : reason;
  if (dlopen(kQuantizedLibrary, RTLD_NOW | RTLD_LOCAL) != nullptr) return {};
  return Error(ErrorCode::kNotFound, tried);
}

Status check_operators(const program_facts::MethodFacts& method) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  std::string why_not_quantized;
  if (const auto missing = without_kernels(method.quantized_operators()); !missing.empty()) {
    if (const Status opened = open_quantized_kernels(); !opened.ok()) {
      why_not_quantized = base::concat(" (", kQuantizedLibrary, " has those of quantized_decomposed, and cannot be ",
                                       "opened: ", opened.error().message(), ")");
    }
  }
  const auto missing = without_kernels(method.operators);
  if (missing.empty()) return {};
  return Error(ErrorCode::kNotFound,
               base::concat("nested program: this process has no kernels for ", listed(missing), why_not_quantized,
                            ": load a library that registers them before the program"));
}

}  // namespace

Status check_requirements(const program_facts::MethodFacts& method) {
  const auto& backends = method.backends;
  if (std::find(backends.begin(), backends.end(), kBackendId) != backends.end()) {
    return Error(ErrorCode::kNotSupported, "nested program: delegates to TensorRTBackend itself; pack it unnested");
  }
  std::vector<std::string> missing;
  std::copy_if(backends.begin(), backends.end(), std::back_inserter(missing),
               [](const std::string& name) { return et::get_backend_class(name.c_str()) == nullptr; });
  if (!missing.empty()) {
    return Error(ErrorCode::kNotFound, base::concat("nested program: this process has no backend ", listed(missing),
                                                    ": load a library that registers it before the program"));
  }
  if (!method.external_data.empty()) {
    return Error(
        ErrorCode::kNotSupported,
        base::concat("nested program: ", listed(method.external_data),
                     " are in a data file (.ptd) beside it, which a nested program cannot have: export it with "
                     "its weights inside"));
  }
  return check_operators(method);
}

}  // namespace etrt::engine::program
