#pragma once

#include <atomic>
#include <fake_nvinfer/fake_plan.h>
#include <fake_nvinfer/fake_state.h>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "NvInfer.h"
#include <support/kernel_library.h>

namespace etrt::fake {

/// The library's one state.
State& state();

/// Counts objects of one kind that are alive, and can end them.
/// Threads: safe.
template <class T>
class Alive {
 public:
  void add(T* object) {
    const std::lock_guard lock(mutex_);
    objects_.insert(object);
  }
  void remove(T* object) {
    const std::lock_guard lock(mutex_);
    objects_.erase(object);
  }
  void end_all() {
    while (std::unique_ptr<T> object = take()) object.reset();
  }

 private:
  std::unique_ptr<T> take() {
    const std::lock_guard lock(mutex_);
    return std::unique_ptr<T>(objects_.empty() ? nullptr : *objects_.begin());
  }

  std::mutex mutex_;
  std::set<T*> objects_;
};

class Engine;
Alive<Engine>& engines();
void end_all_contexts();

std::size_t byte_size(int type);
std::int64_t element_count(const std::vector<std::int64_t>& dims);
nvinfer1::Dims to_dims(const std::vector<std::int64_t>& sizes);

class Engine final : public nvinfer1::ICudaEngine {
 public:
  /// `of_runtime` counts the engines of its runtime.
  Engine(Plan plan, nvinfer1::ILogger& logger, std::shared_ptr<std::atomic<int>> of_runtime);
  ~Engine() override;

  std::int32_t getNbIOTensors() const noexcept override;
  const char* getIOTensorName(std::int32_t index) const noexcept override;
  nvinfer1::TensorIOMode getTensorIOMode(const char* tensor) const noexcept override;
  nvinfer1::DataType getTensorDataType(const char* tensor) const noexcept override;
  nvinfer1::TensorLocation getTensorLocation(const char* tensor) const noexcept override;
  bool isShapeInferenceIO(const char* tensor) const noexcept override;
  nvinfer1::Dims getTensorShape(const char* tensor) const noexcept override;
  nvinfer1::TensorFormat getTensorFormat(const char* tensor) const noexcept override;
  const char* getTensorFormatDesc(const char* tensor) const noexcept override;
  const char* getAliasedInputTensor(const char* tensor) const noexcept override;
  std::int32_t getNbOptimizationProfiles() const noexcept override;
  nvinfer1::Dims getProfileShape(const char* tensor, std::int32_t profile,
                                 nvinfer1::OptProfileSelector which) const noexcept override;
  const std::int32_t* getProfileTensorValues(const char* tensor, std::int32_t profile,
                                             nvinfer1::OptProfileSelector which) const noexcept override;
  const std::int64_t* getProfileTensorValuesV2(const char* tensor, std::int32_t profile,
                                               nvinfer1::OptProfileSelector which) const noexcept override;
  std::int32_t getNbAuxStreams() const noexcept override;
  std::int64_t getStreamableWeightsSize() const noexcept override;
  std::int64_t getWeightStreamingAutomaticBudget() const noexcept override;
  std::int64_t getWeightStreamingBudgetV2() const noexcept override;
  bool setWeightStreamingBudgetV2(std::int64_t budget) noexcept override;
  std::int64_t getEngineStat(nvinfer1::EngineStat which) const noexcept override;
  std::int64_t getDeviceMemorySizeV2() const noexcept override;
  std::size_t getDeviceMemorySize() const noexcept override;
  nvinfer1::IExecutionContext* createExecutionContextWithoutDeviceMemory() noexcept override;
  nvinfer1::IExecutionContext* createExecutionContext(
      nvinfer1::ExecutionContextAllocationStrategy strategy) noexcept override;

  const Plan& plan() const { return plan_; }
  const std::vector<std::int64_t>* profile_values(const char* tensor, std::int32_t profile,
                                                  nvinfer1::OptProfileSelector which) const;
  /// Whether the plan is new enough for a call; else says so, as TensorRT does.
  bool answers(const char* call, int major, int minor) const;
  const cuda::Driver& driver() const { return driver_; }
  const support::KernelLibrary& kernels() const { return kernels_; }
  bool streams_weights() const { return budget_ < plan_.streamable_weights; }
  const Input* find_input(const std::string& name) const;
  const Output* find_output(const std::string& name) const;
  void error(const std::string& text) const { logger_.log(nvinfer1::ILogger::Severity::kERROR, text.c_str()); }

 private:
  friend class Context;

  Plan plan_;
  nvinfer1::ILogger& logger_;
  const cuda::Driver& driver_;
  support::KernelLibrary kernels_;
  std::shared_ptr<std::atomic<int>> of_runtime_;
  std::int64_t budget_;
  int contexts_ = 0;
  std::multiset<int> profiles_in_use_;
  mutable std::list<std::vector<std::int32_t>> narrow_values_;  ///< what was asked for in 32 bits
};

}  // namespace etrt::fake
