#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <set>
#include <string_view>
#include <variant>

#include <executorch/runtime/platform/log.h>

#include <base/format.h>
#include <base/try.h>
#include <delegate/load/options.h>
#include <etrt/options.h>
#include <process/devices.h>

namespace etrt::delegate {
namespace {

namespace et = executorch::runtime;

/// Written into programs by ExecuTorch's partitioners: the device that the exporter labels the delegate's memory with.
constexpr std::string_view kTargetDeviceSpec = "target_device";

/// A value before it is known what the key wants: a number, or text. Compile specs are always text.
using Value = std::variant<std::int64_t, std::string>;

Error malformed(std::string_view key, const std::string& found, std::string_view wanted) {
  return Error(ErrorCode::kInvalidArgument, base::concat("option '", key, "' is ", found, ", which is not ", wanted));
}

std::string shown(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  return "'" + std::get<std::string>(value) + "'";
}

std::optional<std::int64_t> as_number(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  const std::string& text = std::get<std::string>(value);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<std::int64_t> number_in(std::string_view key, const Value& value, std::int64_t minimum, std::int64_t maximum,
                               std::string_view wanted) {
  const auto number = as_number(value);
  if (!number || *number < minimum || *number > maximum) return malformed(key, shown(value), wanted);
  return *number;
}

Result<std::string> text_of(std::string_view key, const Value& value, std::string_view wanted) {
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr || text->empty()) return malformed(key, shown(value), wanted);
  return *text;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

using Apply = Status (*)(Options& options, std::string_view key, const Value& value);

Status apply_device(Options& options, std::string_view key, const Value& value) {
  ETRT_TRY_ASSIGN(options.device, text_of(key, value, "auto, cuda:N, virtual or virtual:N"));
  if (Status named = process::check_device_name(options.device); !named.ok()) {
    return std::move(named).error().within(base::concat("option '", key, "'"));
  }
  return {};
}

Status apply_fallback(Options& options, std::string_view key, const Value& value) {
  constexpr std::string_view kWanted = "error or virtual";
  ETRT_TRY_ASSIGN(const std::string text, text_of(key, value, kWanted));
  if (text != "error" && text != "virtual") return malformed(key, shown(value), kWanted);
  options.fallback = text == "virtual" ? Fallback::kVirtual : Fallback::kError;
  return {};
}

Status apply_cuda_graph(Options& options, std::string_view key, const Value& value) {
  constexpr std::string_view kWanted = "off, on or auto";
  ETRT_TRY_ASSIGN(const std::string text, text_of(key, value, kWanted));
  if (text != "off" && text != "on" && text != "auto") return malformed(key, shown(value), kWanted);
  options.cuda_graph = text == "off" ? GraphMode::kOff : text == "on" ? GraphMode::kOn : GraphMode::kAuto;
  return {};
}

Status apply_max_inflight(Options& options, std::string_view key, const Value& value) {
  ETRT_TRY_ASSIGN(const auto number, number_in(key, value, 1, kMaxInflightLimit, "a number from 1 to 64"));
  options.max_inflight = static_cast<int>(number);
  return {};
}

Status apply_profile(Options& options, std::string_view key, const Value& value) {
  ETRT_TRY_ASSIGN(const auto number, number_in(key, value, 0, INT32_MAX, "a profile number, 0 or above"));
  options.optimization_profile = static_cast<int>(number);
  return {};
}

Status apply_budget(Options& options, std::string_view key, const Value& value) {
  ETRT_TRY_ASSIGN(options.engine.weight_streaming_budget,
                  number_in(key, value, 0, INT64_MAX, "a number of bytes, 0 or above"));
  return {};
}

Status apply_warm_up(Options& options, std::string_view key, const Value& value) {
  ETRT_TRY_ASSIGN(const std::string text, text_of(key, value, "a list of shapes"));
  auto sets = parse_shape_sets(text);
  if (!sets.ok()) return std::move(sets).error().within(base::concat("option '", key, "'"));
  options.warm_up = std::move(sets).value();
  return {};
}

Status apply_tensorrt_library(Options& options, std::string_view key, const Value& value) {
  ETRT_TRY_ASSIGN(options.engine.tensorrt_library, text_of(key, value, "the path of a library"));
  return {};
}

Status apply_lean_runtime_library(Options& options, std::string_view key, const Value& value) {
  ETRT_TRY_ASSIGN(options.engine.lean_runtime_library, text_of(key, value, "the path of a library"));
  return {};
}

Status apply_plugin_libraries(Options& options, std::string_view key, const Value& value) {
  ETRT_TRY_ASSIGN(const std::string text, text_of(key, value, "paths of libraries"));
  options.engine.plugin_libraries = split(text, ':');
  return {};
}

Status apply_allow_engine_code(Options& options, std::string_view key, const Value& value) {
  ETRT_TRY_ASSIGN(const auto number, number_in(key, value, 0, 1, "0 or 1"));
  options.engine.allow_engine_code = number == 1;
  return {};
}

Status apply_limit(std::optional<std::size_t>& limit, std::string_view key, const Value& value) {
  ETRT_TRY_ASSIGN(const auto number, number_in(key, value, 1, INT64_MAX, "a number of bytes, 1 or above"));
  limit = static_cast<std::size_t>(number);
  return {};
}

Status apply_device_memory_limit(Options& options, std::string_view key, const Value& value) {
  return apply_limit(options.memory.device, key, value);
}

Status apply_pinned_memory_limit(Options& options, std::string_view key, const Value& value) {
  return apply_limit(options.memory.pinned, key, value);
}

/// Why a program may not set an option by a compile spec.
constexpr const char* kDecidesCode = "decides what code runs";
constexpr const char* kHoldsForAll = "holds for all programs of the process";

struct Known {
  const char* key;
  Apply apply;
  const char* application_only = nullptr;  ///< why, where that is so
};

constexpr Known kKnown[] = {
    {kOptionDevice, apply_device},
    {kOptionFallback, apply_fallback},
    {kOptionMaxInflight, apply_max_inflight},
    {kOptionCudaGraph, apply_cuda_graph},
    {kOptionOptimizationProfile, apply_profile},
    {kOptionWeightStreamingBudget, apply_budget},
    {kOptionWarmUp, apply_warm_up},
    {kOptionTensorRtLibrary, apply_tensorrt_library, kDecidesCode},
    {kOptionLeanRuntimeLibrary, apply_lean_runtime_library, kDecidesCode},
    {kOptionPluginLibraries, apply_plugin_libraries, kDecidesCode},
    {kOptionAllowEngineCode, apply_allow_engine_code, kDecidesCode},
    {kOptionDeviceMemoryLimit, apply_device_memory_limit, kHoldsForAll},
    {kOptionPinnedMemoryLimit, apply_pinned_memory_limit, kHoldsForAll},
};

const Known* find_known(std::string_view key) {
  const auto* known =
      std::find_if(std::begin(kKnown), std::end(kKnown), [&](const auto& one) { return key == one.key; });
  return known == std::end(kKnown) ? nullptr : known;
}

Error unknown(std::string_view key) {
  std::string names;
  for (const Known& known : kKnown) names += base::concat(names.empty() ? "" : ", ", known.key);
  return Error(ErrorCode::kInvalidArgument, base::concat("option '", key, "' is unknown; known are ", names));
}

Status apply(Options& options, std::string_view key, const Value& value, bool from_program) {
  const Known* known = find_known(key);
  if (known == nullptr) return unknown(key);
  if (from_program && known->application_only != nullptr) {
    return Error(ErrorCode::kInvalidArgument,
                 base::concat("option '", key, "' ", known->application_only,
                              ": the application may set it, a program's compile spec may not"));
  }
  return known->apply(options, key, value);
}

Result<Value> value_of(const et::BackendOption& option) {
  if (const auto* number = std::get_if<int>(&option.value)) return Value(std::int64_t{*number});
  if (const auto* text = std::get_if<std::array<char, et::kMaxOptionValueLength>>(&option.value)) {
    return Value(std::string(text->data(), strnlen(text->data(), text->size())));
  }
  return malformed(std::string_view(option.key, strnlen(option.key, sizeof(option.key))), "a bool",
                   "of the type that this option takes");
}

Result<Value> value_of(const et::CompileSpec& spec) {
  if (spec.value.buffer == nullptr && spec.value.nbytes > 0) return malformed(spec.key, "a null buffer", "text");
  const auto* text = static_cast<const char*>(spec.value.buffer);
  return Value(text == nullptr ? std::string() : std::string(text, spec.value.nbytes));
}

/// N of "cuda:N". Nothing for what some exporter calls otherwise.
std::optional<int> cuda_device_of(std::string_view target) {
  constexpr std::string_view kProvider = "cuda:";
  if (!target.starts_with(kProvider)) return std::nullopt;
  const auto number = as_number(Value(std::string(target.substr(kProvider.size()))));
  if (!number || *number < 0 || *number > INT8_MAX) return std::nullopt;
  return static_cast<int>(*number);
}

Status refuse_twice(std::set<std::string, std::less<>>& seen, std::string_view key) {
  if (seen.emplace(key).second) return {};
  return Error(ErrorCode::kInvalidArgument, base::concat("option '", key, "' is given twice"));
}

}  // namespace

bool is_known_spec(std::string_view key) {
  return key == kTargetDeviceSpec || find_known(key) != nullptr;
}

Result<Options> read_options(et::Span<const et::BackendOption> backend_options,
                             et::ArrayRef<et::CompileSpec> compile_specs) {
  Options options;
  std::set<std::string, std::less<>> specs;
  for (const et::CompileSpec& spec : compile_specs) {
    if (spec.key == nullptr) return Error(ErrorCode::kInvalidArgument, "a compile spec has no key");
    if (!is_known_spec(spec.key)) {
      ET_LOG(Info, "TensorRTBackend: compile spec '%s' is unknown to this version, and is passed over", spec.key);
      continue;
    }
    ETRT_TRY(refuse_twice(specs, spec.key));
    ETRT_TRY_ASSIGN(const Value value, value_of(spec));
    if (spec.key == kTargetDeviceSpec) {
      options.labelled_device = cuda_device_of(std::get<std::string>(value));
      continue;
    }
    ETRT_TRY(apply(options, spec.key, value, true));
  }
  std::set<std::string, std::less<>> given;
  for (const et::BackendOption& option : backend_options) {
    const std::string_view key(option.key, strnlen(option.key, sizeof(option.key)));
    ETRT_TRY(refuse_twice(given, key));
    ETRT_TRY_ASSIGN(const Value value, value_of(option));
    ETRT_TRY(apply(options, key, value, false));
  }
  return options;
}

}  // namespace etrt::delegate
