#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <executorch/runtime/backend/backend_init_context.h>
#include <executorch/runtime/backend/interface.h>

#include <delegate/load/warm_up.h>
#include <delegate/slots/graph_mode.h>
#include <engine/engine.h>
#include <etrt/result.h>
#include <memory/device_pools.h>

namespace etrt::delegate {

/// What follows when a GPU runs none of the engines in a blob.
enum class Fallback { kError, kVirtual };

/// The delegate's options, validated; include/etrt/options.h documents each.
struct Options {
  std::string device = "auto";
  Fallback fallback = Fallback::kError;
  int max_inflight = 4;
  std::optional<int> optimization_profile;
  GraphMode cuda_graph = GraphMode::kAuto;
  engine::EngineOptions engine;
  memory::Limits memory;
  std::vector<ShapeSet> warm_up;

  /// The CUDA device that the exporter labelled the delegate's memory with; none: it does not say.
  std::optional<int> labelled_device;
};

inline constexpr int kMaxInflightLimit = 64;

/// Reads backend options and compile specs; a backend option comes before a compile spec of the same key. A wrong type,
/// a value that does not parse, a key given twice, a key that a program may not set, or an option that is unknown is
/// `kInvalidArgument` naming the key. An unknown compile spec, as a newer exporter writes it, is noted in the log and
/// passed over.
Result<Options> read_options(executorch::runtime::Span<const executorch::runtime::BackendOption> backend_options,
                             executorch::runtime::ArrayRef<executorch::runtime::CompileSpec> compile_specs);

/// Whether a compile spec of this key says something to the delegate, or is passed over.
bool is_known_spec(std::string_view key);

}  // namespace etrt::delegate
