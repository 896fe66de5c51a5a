#pragma once

#include <utility>
#include <vector>

#include <engine/execution_context.h>
#include <engine/tensorrt/nvinfer.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

/// Collects the layer times that TensorRT reports for one enqueue.
/// Threads: called on the thread that asks for the report.
class LayerTimes final : public nvinfer1::IProfiler {
 public:
  void reportLayerTime(const char* layer, float milliseconds) noexcept override {
    times_.push_back({layer, milliseconds});
  }

  std::vector<LayerTime> take() { return std::exchange(times_, {}); }

 private:
  std::vector<LayerTime> times_;
};

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
