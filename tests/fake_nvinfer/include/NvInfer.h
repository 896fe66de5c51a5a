#pragma once

// As much of TensorRT's C++ API as etrt's engine uses, under the same names and with the same values, so that the
// engine compiles and runs where TensorRT is not. Meanings are those of NVIDIA's reference.

#include <cstddef>
#include <cstdint>
#include <cuda_runtime_api.h>

#include "NvInferVersion.h"

namespace nvinfer1 {

enum class DataType : std::int32_t {
  kFLOAT = 0,
  kHALF = 1,
  kINT8 = 2,
  kINT32 = 3,
  kBOOL = 4,
  kUINT8 = 5,
  kFP8 = 6,
  kBF16 = 7,
  kINT64 = 8,
  kINT4 = 9,
  kFP4 = 10,
  kE8M0 = 11,
};
enum class TensorIOMode : std::int32_t { kNONE = 0, kINPUT = 1, kOUTPUT = 2 };
enum class TensorLocation : std::int32_t { kDEVICE = 0, kHOST = 1 };
enum class TensorFormat : std::int32_t { kLINEAR = 0, kCHW4 = 3, kHWC = 8 };
enum class OptProfileSelector : std::int32_t { kMIN = 0, kOPT = 1, kMAX = 2 };
enum class ExecutionContextAllocationStrategy : std::int32_t { kSTATIC = 0, kON_PROFILE_CHANGE = 1, kUSER_MANAGED = 2 };
enum class EngineStat : std::int32_t { kTOTAL_WEIGHTS_SIZE = 0, kSTRIPPED_WEIGHTS_SIZE = 1 };

struct Dims {
  static constexpr std::int32_t MAX_DIMS = 8;
  std::int32_t nbDims;
  std::int64_t d[MAX_DIMS];
};

class ILogger {
 public:
  enum class Severity : std::int32_t { kINTERNAL_ERROR = 0, kERROR = 1, kWARNING = 2, kINFO = 3, kVERBOSE = 4 };
  virtual ~ILogger() = default;
  virtual void log(Severity severity, const char* message) noexcept = 0;
};

class IProfiler {
 public:
  virtual ~IProfiler() = default;
  virtual void reportLayerTime(const char* layer, float milliseconds) noexcept = 0;
};

class IOutputAllocator {
 public:
  virtual ~IOutputAllocator() = default;
  virtual void* reallocateOutputAsync(const char* tensor, void* memory, std::uint64_t size, std::uint64_t alignment,
                                      cudaStream_t stream) = 0;
  virtual void notifyShape(const char* tensor, const Dims& dims) noexcept = 0;
};

using AllocatorFlags = std::uint32_t;

class IGpuAllocator {
 public:
  virtual ~IGpuAllocator() = default;
  virtual void* allocateAsync(std::uint64_t size, std::uint64_t alignment, AllocatorFlags flags,
                              cudaStream_t stream) noexcept = 0;
  virtual bool deallocateAsync(void* memory, cudaStream_t stream) noexcept = 0;
};
class IGpuAsyncAllocator : public IGpuAllocator {};

class IPluginRegistry {
 public:
  using PluginLibraryHandle = void*;
  virtual PluginLibraryHandle loadLibrary(const char* path) noexcept = 0;

 protected:
  virtual ~IPluginRegistry() = default;
};

class IExecutionContext {
 public:
  virtual ~IExecutionContext() = default;
  virtual bool setOptimizationProfileAsync(std::int32_t profile, cudaStream_t stream) noexcept = 0;
  virtual std::int32_t getOptimizationProfile() const noexcept = 0;
  virtual bool setInputShape(const char* tensor, const Dims& dims) noexcept = 0;
  virtual Dims getTensorShape(const char* tensor) const noexcept = 0;
  virtual std::int32_t inferShapes(std::int32_t count, const char** names) noexcept = 0;
  virtual std::int64_t getMaxOutputSize(const char* tensor) const noexcept = 0;
  virtual std::size_t updateDeviceMemorySizeForShapes() noexcept = 0;
  virtual void setDeviceMemory(void* memory) noexcept = 0;
  virtual void setDeviceMemoryV2(void* memory, std::int64_t size) noexcept = 0;
  virtual bool setTensorAddress(const char* tensor, void* data) noexcept = 0;
  virtual bool setOutputAllocator(const char* tensor, IOutputAllocator* allocator) noexcept = 0;
  virtual bool setTemporaryStorageAllocator(IGpuAllocator* allocator) noexcept = 0;
  virtual void setAuxStreams(cudaStream_t* streams, std::int32_t count) noexcept = 0;
  virtual bool setInputConsumedEvent(cudaEvent_t event) noexcept = 0;
  virtual void setProfiler(IProfiler* profiler) noexcept = 0;
  virtual void setEnqueueEmitsProfile(bool emits) noexcept = 0;
  virtual bool reportToProfiler() const noexcept = 0;
  virtual bool enqueueV3(cudaStream_t stream) noexcept = 0;
};

class ICudaEngine {
 public:
  virtual ~ICudaEngine() = default;
  virtual std::int32_t getNbIOTensors() const noexcept = 0;
  virtual const char* getIOTensorName(std::int32_t index) const noexcept = 0;
  virtual TensorIOMode getTensorIOMode(const char* tensor) const noexcept = 0;
  virtual DataType getTensorDataType(const char* tensor) const noexcept = 0;
  virtual TensorLocation getTensorLocation(const char* tensor) const noexcept = 0;
  virtual bool isShapeInferenceIO(const char* tensor) const noexcept = 0;
  virtual Dims getTensorShape(const char* tensor) const noexcept = 0;
  virtual TensorFormat getTensorFormat(const char* tensor) const noexcept = 0;
  virtual const char* getTensorFormatDesc(const char* tensor) const noexcept = 0;
  virtual const char* getAliasedInputTensor(const char* tensor) const noexcept = 0;
  virtual std::int32_t getNbOptimizationProfiles() const noexcept = 0;
  virtual Dims getProfileShape(const char* tensor, std::int32_t profile, OptProfileSelector which) const noexcept = 0;
  virtual const std::int32_t* getProfileTensorValues(const char* tensor, std::int32_t profile,
                                                     OptProfileSelector which) const noexcept = 0;
  virtual const std::int64_t* getProfileTensorValuesV2(const char* tensor, std::int32_t profile,
                                                       OptProfileSelector which) const noexcept = 0;
  virtual std::int32_t getNbAuxStreams() const noexcept = 0;
  virtual std::int64_t getStreamableWeightsSize() const noexcept = 0;
  virtual std::int64_t getWeightStreamingAutomaticBudget() const noexcept = 0;
  virtual std::int64_t getWeightStreamingBudgetV2() const noexcept = 0;
  virtual bool setWeightStreamingBudgetV2(std::int64_t budget) noexcept = 0;
  virtual std::int64_t getEngineStat(EngineStat which) const noexcept = 0;
  virtual std::int64_t getDeviceMemorySizeV2() const noexcept = 0;
  virtual std::size_t getDeviceMemorySize() const noexcept = 0;
  virtual IExecutionContext* createExecutionContextWithoutDeviceMemory() noexcept = 0;
  virtual IExecutionContext* createExecutionContext(ExecutionContextAllocationStrategy strategy) noexcept = 0;
};

class IRuntime {
 public:
  virtual ~IRuntime() = default;
  virtual void setEngineHostCodeAllowed(bool allowed) noexcept = 0;
  virtual IPluginRegistry& getPluginRegistry() noexcept = 0;
  virtual IRuntime* loadRuntime(const char* path) noexcept = 0;
  virtual ICudaEngine* deserializeCudaEngine(const void* plan, std::size_t size) noexcept = 0;
};

}  // namespace nvinfer1
