#include <algorithm>

#include <engine/tensorrt/context_memory.h>

// The older calls are the only ones for older engines, which is why they are still there.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace etrt::engine::tensorrt::ETRT_NVINFER {
namespace {

// TensorRT 11 takes plans of 10.0 and later, and its headers lack what none of them needs.

template <class Engine>
nvinfer1::IExecutionContext* create_older_context(Engine& engine) {
  if constexpr (requires { engine.createExecutionContextWithoutDeviceMemory(); }) {
    return engine.createExecutionContextWithoutDeviceMemory();
  } else {
    return nullptr;
  }
}

template <class Engine>
std::int64_t older_size(const Engine& engine) {
  if constexpr (requires { engine.getDeviceMemorySize(); }) {
    return static_cast<std::int64_t>(engine.getDeviceMemorySize());
  } else {
    return engine.getDeviceMemorySizeV2();
  }
}

}  // namespace

std::unique_ptr<nvinfer1::IExecutionContext> create_context_without_memory(const NativeEngine& engine) {
  if (!engine.calls().memory_by_shapes) return adopt(create_older_context(*engine));
  return adopt(engine->createExecutionContext(nvinfer1::ExecutionContextAllocationStrategy::kUSER_MANAGED));
}

std::size_t measure_context_memory(const NativeEngine& engine, nvinfer1::IExecutionContext& context) {
  return engine.calls().memory_by_shapes ? context.updateDeviceMemorySizeForShapes() : largest_context_memory(engine);
}

void give_context_memory(const NativeEngine& engine, nvinfer1::IExecutionContext& context, std::uint64_t address,
                         std::size_t bytes) {
  void* const memory = reinterpret_cast<void*>(address);
  if (engine.calls().memory_v2) {
    context.setDeviceMemoryV2(memory, static_cast<std::int64_t>(bytes));
  } else {
    context.setDeviceMemory(memory);
  }
}

std::size_t largest_context_memory(const NativeEngine& engine) {
  const std::int64_t size = engine.calls().memory_v2 ? engine->getDeviceMemorySizeV2() : older_size(*engine);
  return static_cast<std::size_t>(std::max<std::int64_t>(0, size));
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
