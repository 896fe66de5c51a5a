#include <algorithm>

#include <executorch/runtime/platform/log.h>

#include <base/format.h>
#include <engine/tensorrt/context_memory.h>
#include <engine/tensorrt/logger.h>
#include <engine/tensorrt/weight_streaming.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {
namespace {

/// Engines that an older TensorRT wrote cannot stream.
std::int64_t streamable_weights(const NativeEngine& engine) {
  return engine.calls().memory_by_shapes ? engine->getStreamableWeightsSize() : 0;
}

std::int64_t total_weights(const NativeEngine& engine) {
#if ETRT_NVINFER_HAS_ENGINE_STAT
  if (engine.calls().statistics) return engine->getEngineStat(nvinfer1::EngineStat::kTOTAL_WEIGHTS_SIZE);
#endif
  return streamable_weights(engine);
}

/// TensorRT measures free memory, which another tenant may take before it is asked for.
bool set_automatic_budget(const NativeEngine& engine, std::int64_t streamable) {
  const LoggedErrors errors(LoggedErrors::Kind::kExpected);
  const std::int64_t automatic = std::min(engine->getWeightStreamingAutomaticBudget(), streamable);
  if (engine->setWeightStreamingBudgetV2(automatic)) return true;
  ET_LOG(Info,
         "TensorRTBackend warns: TensorRT refused its automatic weight streaming budget of %lld bytes (%s). All %lld "
         "bytes of weights that can be streamed are, which is slower: weight_streaming_budget sets another",
         static_cast<long long>(automatic), errors.text().c_str(), static_cast<long long>(streamable));
  return false;
}

}  // namespace

Status set_weight_streaming_budget(const NativeEngine& engine, std::optional<std::int64_t> budget) {
  const std::int64_t streamable = streamable_weights(engine);
  if (streamable <= 0) {
    if (budget)
      ET_LOG(Info, "TensorRTBackend: weight_streaming_budget has no effect, the engine cannot stream weights");
    return {};
  }
  if (!budget && set_automatic_budget(engine, streamable)) return {};
  const std::int64_t wanted = std::min(budget.value_or(0), streamable);
  const LoggedErrors errors;
  if (engine->setWeightStreamingBudgetV2(wanted)) return {};
  return Error(ErrorCode::kOutOfMemory, base::concat("weight_streaming_budget of ", wanted, " bytes, of ", streamable,
                                                     " that can be streamed, was refused: ", errors.text()));
}

bool streams_weights(const NativeEngine& engine) {
  const std::int64_t streamable = streamable_weights(engine);
  return streamable > 0 && engine->getWeightStreamingBudgetV2() < streamable;
}

EngineMemory memory_of(const NativeEngine& engine) {
  const std::int64_t streamed =
      streams_weights(engine) ? streamable_weights(engine) - engine->getWeightStreamingBudgetV2() : 0;
  EngineMemory memory;
  memory.streamed_weights = static_cast<std::size_t>(streamed);
  memory.weights = static_cast<std::size_t>(std::max<std::int64_t>(0, total_weights(engine) - streamed));
  memory.context_maximum = largest_context_memory(engine);
  return memory;
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
