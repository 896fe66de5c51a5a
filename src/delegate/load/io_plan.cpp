#include <algorithm>

#include <base/format.h>
#include <base/try.h>
#include <blob/format.h>
#include <delegate/load/binding_bounds.h>
#include <delegate/load/io_plan.h>

namespace etrt::delegate {
namespace {

using engine::TensorInfo;

std::string side(bool is_input) {
  return is_input ? "input" : "output";
}

/// Index of the engine's tensor for a binding: of that name, or the `position`-th of its side.
std::optional<std::size_t> find_tensor(std::span<const TensorInfo> tensors, const blob::Binding& binding,
                                       std::size_t position, bool by_name) {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].is_input != binding.is_input) continue;
    if (by_name ? tensors[i].name == binding.name : position-- == 0) return i;
  }
  return std::nullopt;
}

std::optional<std::size_t> find_argument(std::span<const ArgumentPlan> arguments,
                                         std::span<const blob::Binding> bindings, const std::string& name,
                                         bool is_input) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].info.is_input == is_input && bindings[i].name == name) return i;
  }
  return std::nullopt;
}

/// Both ends are one piece of memory. Shapes that depend on the call are compared when it resolves them.
Status check_alias(const ArgumentPlan& output, const ArgumentPlan& input) {
  const TensorInfo& out = output.info;
  const TensorInfo& in = input.info;
  const bool both_static = !out.is_dynamic() && !in.is_dynamic();
  const bool same = out.type == in.type && out.location == in.location && (!both_static || out.maximum == in.maximum);
  if (same && !out.data_dependent) return {};
  return Error(
      ErrorCode::kInvalidData,
      base::concat("aliased_io: output '", out.name, "' (", engine::name(out.type), " ", engine::to_string(out.maximum),
                   ") cannot share the memory of input '", in.name, "' (", engine::name(in.type), " ",
                   engine::to_string(in.maximum), "): both must have one type and shape, which no data decides"));
}

/// An engine that does not know of an alias may overwrite the input while it still reads it. Aliases of kind "user" are
/// the exporter's promise, of which TensorRT knows nothing.
Status check_against_engine(const blob::AliasedIo& alias, const ArgumentPlan& output, const ArgumentPlan& input,
                            const engine::Engine& engine) {
  const std::optional<std::size_t> known = output.info.aliased_input;
  const bool must_be_known = engine.knows_aliases() && alias.kind != blob::kAliasUser;
  if (known ? *known == input.tensor : !must_be_known) return {};
  return Error(
      ErrorCode::kInvalidData,
      base::concat("aliased_io says that output '", alias.output, "' is the memory of input '", alias.input,
                   "', the engine says ",
                   known ? base::concat("of input '", engine.tensors()[*known].name, "'") : std::string("of none"),
                   ": the metadata is another engine's, export the program again"));
}

/// What the blob lists, or in its place what the engine has. ExecuTorch passes inputs before outputs, whatever order
/// either has them in.
std::vector<blob::Binding> bindings_of(const blob::Metadata& metadata, const engine::Engine& engine) {
  std::vector<blob::Binding> bindings = metadata.io_bindings;
  if (bindings.empty()) {
    for (const TensorInfo& tensor : engine.tensors()) {
      bindings.emplace_back().name = tensor.name;
      bindings.back().is_input = tensor.is_input;
    }
  }
  std::stable_partition(bindings.begin(), bindings.end(), [](const auto& binding) { return binding.is_input; });
  return bindings;
}

}  // namespace

/// From the blob (TR02), and from the engine where it knows of an alias that the blob does not name.
Status IoPlan::add_aliases(const blob::Metadata& metadata, std::span<const blob::Binding> bindings,
                           const engine::Engine& engine) {
  for (const blob::AliasedIo& alias : metadata.aliased_io) {
    const auto output = find_argument(arguments, bindings, alias.output, false);
    const auto input = find_argument(arguments, bindings, alias.input, true);
    if (!output || !input) {
      return Error(ErrorCode::kInvalidData, base::concat("aliased_io names output '", alias.output, "' and input '",
                                                         alias.input, "', which are not both bindings"));
    }
    ETRT_TRY(check_against_engine(alias, arguments[*output], arguments[*input], engine));
    arguments[*output].aliased_input = input;
  }
  for (ArgumentPlan& output : arguments) {
    if (output.info.aliased_input && !output.aliased_input) {
      const auto is_it = [&](const ArgumentPlan& other) { return other.tensor == *output.info.aliased_input; };
      output.aliased_input = std::find_if(arguments.begin(), arguments.end(), is_it) - arguments.begin();
    }
    if (!output.aliased_input) continue;
    ArgumentPlan& input = arguments[*output.aliased_input];
    ETRT_TRY(check_alias(output, input));
    input.is_alias_target = true;
  }
  return {};
}

Result<IoPlan> IoPlan::create(const blob::Metadata& metadata, const engine::Engine& engine, bool match_by_name) {
  IoPlan plan;
  plan.synchronous = engine.synchronous();
  plan.keeps_state = engine.keeps_state();
  const std::vector<blob::Binding> bindings = bindings_of(metadata, engine);
  if (bindings.size() != engine.tensors().size()) {
    return Error(ErrorCode::kInvalidData, base::concat("the blob lists ", bindings.size(), " bindings, the engine has ",
                                                       engine.tensors().size(), " tensors"));
  }
  for (const blob::Binding& binding : bindings) {
    const std::size_t position = binding.is_input ? plan.input_count : plan.arguments.size() - plan.input_count;
    const auto tensor = find_tensor(engine.tensors(), binding, position, match_by_name);
    if (!tensor) {
      return Error(ErrorCode::kInvalidData,
                   base::concat("binding '", binding.name, "': the engine has no such ", side(binding.is_input)));
    }
    ArgumentPlan argument{*tensor, engine.tensors()[*tensor], std::nullopt};
    argument.info.name = binding.name;
    ETRT_TRY(narrow(argument.info, binding));
    plan.has_host_tensors |= argument.on_host();
    plan.has_data_dependent_outputs |= argument.info.data_dependent;
    plan.arguments.push_back(std::move(argument));
    if (binding.is_input) ++plan.input_count;
  }
  ETRT_TRY(plan.add_aliases(metadata, bindings, engine));
  return plan;
}

}  // namespace etrt::delegate
