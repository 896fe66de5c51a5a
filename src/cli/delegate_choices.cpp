#include <base/format.h>
#include <base/try.h>
#include <cli/delegate_choices.h>
#include <etrt/options.h>

namespace etrt::cli {
namespace {

namespace et = executorch::runtime;

constexpr char kLibrarySeparator = ':';

std::string joined(const std::vector<std::string>& paths) {
  std::string text;
  for (const std::string& path : paths) text += (text.empty() ? "" : std::string(1, kLibrarySeparator)) + path;
  return text;
}

template <std::size_t Size>
Status add_text(BackendOptions& options, const char (&key)[Size], const std::string& value) {
  if (value.empty()) return {};
  if (value.size() >= et::kMaxOptionValueLength) {
    return Error(ErrorCode::kInvalidArgument,
                 base::concat("option '", key, "' has ", value.size(),
                              " characters; ExecuTorch passes on no more than ", et::kMaxOptionValueLength - 1));
  }
  options.set_option(key, value.c_str());
  return {};
}

}  // namespace

Result<BackendOptions> backend_options(const DelegateChoices& choices) {
  BackendOptions options;
  ETRT_TRY(add_text(options, kOptionDevice, choices.device));
  ETRT_TRY(add_text(options, kOptionFallback, choices.fallback));
  ETRT_TRY(add_text(options, kOptionCudaGraph, choices.cuda_graph));
  ETRT_TRY(add_text(options, kOptionWarmUp, choices.warm_up));
  ETRT_TRY(add_text(options, kOptionWeightStreamingBudget, choices.weight_streaming_budget));
  ETRT_TRY(add_text(options, kOptionDeviceMemoryLimit, choices.device_memory_limit));
  ETRT_TRY(add_text(options, kOptionPinnedMemoryLimit, choices.pinned_memory_limit));
  ETRT_TRY(add_text(options, kOptionTensorRtLibrary, choices.tensorrt_library));
  ETRT_TRY(add_text(options, kOptionLeanRuntimeLibrary, choices.lean_runtime_library));
  ETRT_TRY(add_text(options, kOptionPluginLibraries, joined(choices.plugin_libraries)));
  if (choices.max_inflight) options.set_option(kOptionMaxInflight, *choices.max_inflight);
  if (choices.optimization_profile) options.set_option(kOptionOptimizationProfile, *choices.optimization_profile);
  if (choices.allow_engine_code) options.set_option(kOptionAllowEngineCode, 1);
  return options;
}

Result<delegate::Options> delegate_options(const DelegateChoices& choices,
                                           const std::vector<pte::CompileSpec>& compile_specs) {
  ETRT_TRY_ASSIGN(BackendOptions options, backend_options(choices));
  std::vector<std::string> values;
  for (const pte::CompileSpec& spec : compile_specs) values.push_back(spec.value);
  std::vector<et::CompileSpec> specs;
  for (std::size_t i = 0; i < values.size(); ++i) {
    specs.push_back({compile_specs[i].key.c_str(), {values[i].data(), values[i].size()}});
  }
  const auto view = options.view();
  return delegate::read_options({view.data(), view.size()}, {specs.data(), specs.size()});
}

const char* first_given(const DelegateChoices& choices) {
  if (!choices.device.empty()) return "--device";
  if (!choices.fallback.empty()) return "--fallback";
  if (choices.max_inflight) return "--max-inflight";
  if (!choices.cuda_graph.empty()) return "--cuda-graph";
  if (choices.optimization_profile) return "--optimization-profile";
  if (!choices.weight_streaming_budget.empty()) return "--weight-streaming-budget";
  if (!choices.device_memory_limit.empty()) return "--device-memory-limit";
  if (!choices.pinned_memory_limit.empty()) return "--pinned-memory-limit";
  if (!choices.warm_up.empty()) return "--warm-up-shapes";
  if (!choices.tensorrt_library.empty()) return "--tensorrt-library";
  if (!choices.lean_runtime_library.empty()) return "--lean-runtime-library";
  if (!choices.plugin_libraries.empty()) return "--plugin-library";
  if (choices.allow_engine_code) return "--allow-engine-code";
  return nullptr;
}

}  // namespace etrt::cli
