#pragma once

#include <fake_nvinfer/fake_engine.h>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <cuda/owners.h>

namespace etrt::fake {

/// Runs a plan, and refuses what TensorRT does: shapes outside of the profile, addresses and memory that are missing.
class Context final : public nvinfer1::IExecutionContext {
 public:
  /// `takes_memory`: of the caller's; an older engine's context does so only when made for that.
  Context(Engine& engine, bool takes_memory);
  ~Context() override;

  bool setOptimizationProfileAsync(std::int32_t profile, cudaStream_t stream) noexcept override;
  std::int32_t getOptimizationProfile() const noexcept override { return profile_; }
  bool setInputShape(const char* tensor, const nvinfer1::Dims& dims) noexcept override;
  nvinfer1::Dims getTensorShape(const char* tensor) const noexcept override;
  std::int32_t inferShapes(std::int32_t count, const char** names) noexcept override;
  std::int64_t getMaxOutputSize(const char* tensor) const noexcept override;
  std::size_t updateDeviceMemorySizeForShapes() noexcept override;
  void setDeviceMemory(void* memory) noexcept override;
  void setDeviceMemoryV2(void* memory, std::int64_t size) noexcept override;
  bool setTensorAddress(const char* tensor, void* data) noexcept override;
  bool setOutputAllocator(const char* tensor, nvinfer1::IOutputAllocator* allocator) noexcept override;
  bool setTemporaryStorageAllocator(nvinfer1::IGpuAllocator* allocator) noexcept override;
  void setAuxStreams(cudaStream_t* streams, std::int32_t count) noexcept override;
  bool setInputConsumedEvent(cudaEvent_t event) noexcept override;
  void setProfiler(nvinfer1::IProfiler* profiler) noexcept override { profiler_ = profiler; }
  void setEnqueueEmitsProfile(bool emits) noexcept override { emits_profile_ = emits; }
  bool reportToProfiler() const noexcept override;
  bool enqueueV3(cudaStream_t stream) noexcept override;

 private:
  using Sizes = std::vector<std::int64_t>;

  bool fail(const std::string& text) const;
  std::optional<Sizes> input_sizes(const Input& input) const;
  std::optional<Sizes> values_of(const Input& input) const;
  std::optional<Sizes> output_sizes(const Output& output) const;  ///< -1 where data decides
  void write_shape_outputs();
  CUdeviceptr address(const std::string& tensor) const;
  bool is_device_memory(CUdeviceptr address) const;
  bool is_ready();
  void leave_profile();
  void make_missing_aux_streams();
  bool place_data_dependent(const Output& output, CUstream stream);
  bool use_temporary_storage(CUstream stream);
  CUresult compute(const Output& output, CUstream stream);
  bool run(CUstream stream);
  bool enqueue(CUstream stream);
  CUdeviceptr profile_data(int index) const { return profiles_data_.get() + static_cast<CUdeviceptr>(index) * 4; }
  std::size_t memory_needed() const;

  Engine& engine_;
  const cuda::Driver& driver_;
  bool takes_memory_;
  int profile_ = 0;                   ///< -1: none
  cuda::DeviceMemory profiles_data_;  ///< of each profile, the present one's, and where an enqueue reads that
  std::map<std::string, Sizes> shapes_;
  std::map<std::string, void*> addresses_;
  std::map<std::string, nvinfer1::IOutputAllocator*> allocators_;
  nvinfer1::IGpuAllocator* temporary_ = nullptr;
  std::vector<CUstream> aux_streams_;
  std::vector<cuda::Stream> own_aux_streams_;
  cuda::Event fork_;
  std::vector<cuda::Event> joins_;
  CUdeviceptr memory_ = 0;
  std::int64_t memory_bytes_ = 0;
  CUevent consumed_ = nullptr;
  nvinfer1::IProfiler* profiler_ = nullptr;
  bool emits_profile_ = true;
  bool has_run_ = false;
};

}  // namespace etrt::fake
