#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <executorch/runtime/backend/backend_init_context.h>
#include <executorch/runtime/backend/interface.h>

#include <delegate/warm_up.h>
#include <engine/engine.h>
#include <etrt/result.h>
#include <memory/device_pools.h>

namespace etrt::delegate {

/// The delegate's options, validated; include/etrt/options.h documents each.
struct Options {
  std::string device = "auto";
  int max_inflight = 4;
  std::optional<int> optimization_profile;
  engine::EngineOptions engine;
  memory::Limits memory;
  std::vector<ShapeSet> warm_up;
};

inline constexpr int kMaxInflightLimit = 64;

/// Reads backend options and compile specs; a backend option comes before a compile spec of the same key. An unknown
/// key, a wrong type, a value that does not parse, a key given twice, or a key that a program may not set is
/// `kInvalidArgument` naming the key.
Result<Options> read_options(executorch::runtime::Span<const executorch::runtime::BackendOption> backend_options,
                             executorch::runtime::ArrayRef<executorch::runtime::CompileSpec> compile_specs);

}  // namespace etrt::delegate
