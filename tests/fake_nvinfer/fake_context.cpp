#include <algorithm>
#include <chrono>
#include <cstring>
#include <fake_nvinfer/fake_context.h>

#include <support/must.h>

namespace etrt::fake {

using support::must;

namespace {

Alive<Context>& contexts() {
  static Alive<Context> instance;
  return instance;
}

}  // namespace

void end_all_contexts() {
  contexts().end_all();
}

Context::Context(Engine& engine, bool takes_memory)
    : engine_(engine), driver_(engine.driver()), takes_memory_(takes_memory) {
  // Before TensorRT 10 the first context alone begins with a profile.
  if (engine.plan().version < std::vector<int>{10, 0} && engine.profiles_in_use_.contains(0)) profile_ = -1;
  if (profile_ >= 0) engine_.profiles_in_use_.insert(profile_);
  if (engine.plan().aux_streams > 0) fork_ = must(cuda::create_event(driver_));
  for (int i = 0; i < engine.plan().aux_streams; ++i) joins_.push_back(must(cuda::create_event(driver_)));
  if (engine.plan().profiles > 1) {
    profiles_data_ =
        must(cuda::create_device_memory(driver_, static_cast<std::size_t>(engine.plan().profiles + 2) * 4));
  }
  contexts().add(this);
  ++engine_.contexts_;
  ++state().contexts_alive;
}

Context::~Context() {
  leave_profile();
  contexts().remove(this);
  --engine_.contexts_;
  --state().contexts_alive;
}

bool Context::fail(const std::string& text) const {
  engine_.error(text);
  return false;
}

bool Context::setOptimizationProfileAsync(std::int32_t profile, cudaStream_t stream) noexcept {
  if (profile < 0 || profile >= engine_.plan().profiles || engine_.plan().failure == "profile") {
    return fail("no such profile");
  }
  if (!engine_.plan().shares_profiles && profile != profile_ && engine_.profiles_in_use_.contains(profile)) {
    return fail("another context has the profile");
  }
  ++state().profile_switches;
  leave_profile();
  profile_ = profile;
  engine_.profiles_in_use_.insert(profile);
  shapes_.clear();
  addresses_.clear();
  const int present = engine_.plan().profiles;
  return present == 1 ||
         driver_.cuMemcpyDtoDAsync(profile_data(present), profile_data(profile), 4, stream) == CUDA_SUCCESS;
}

void Context::leave_profile() {
  if (const auto own = engine_.profiles_in_use_.find(profile_); own != engine_.profiles_in_use_.end()) {
    engine_.profiles_in_use_.erase(own);
  }
}

bool Context::setInputShape(const char* tensor, const nvinfer1::Dims& dims) noexcept {
  if (profile_ < 0) return fail("Assertion mOptimizationProfile >= 0 failed");
  const Input* input = engine_.find_input(tensor);
  if (input == nullptr) return fail("no such input");
  const Sizes sizes(dims.d, dims.d + dims.nbDims);
  const Range& range = input->profiles[static_cast<std::size_t>(profile_)];
  if (sizes.size() != range.minimum.size()) return fail("the rank is another one");
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < range.minimum[i] || sizes[i] > range.maximum[i]) return fail("the profile does not allow the shape");
  }
  ++state().shapes_set;
  shapes_[tensor] = sizes;
  return true;
}

std::optional<Context::Sizes> Context::input_sizes(const Input& input) const {
  const auto set = shapes_.find(input.name);
  if (set != shapes_.end()) return set->second;
  for (const std::int64_t size : input.dims) {
    if (size < 0) return std::nullopt;
  }
  return input.dims;
}

std::optional<Context::Sizes> Context::values_of(const Input& input) const {
  const auto found = addresses_.find(input.name);
  if (found == addresses_.end()) return std::nullopt;
  Sizes values(static_cast<std::size_t>(element_count(input.dims)));
  const auto* memory = static_cast<const std::byte*>(found->second);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::int32_t narrow = 0;
    std::memcpy(&narrow, memory + i * byte_size(input.type), 4);
    values[i] = narrow;
    if (byte_size(input.type) == 8) std::memcpy(&values[i], memory + i * 8, 8);
  }
  return values;
}

std::optional<Context::Sizes> Context::output_sizes(const Output& output) const {
  const auto of = input_sizes(engine_.plan().inputs[output.of]);
  if (!of) return std::nullopt;
  if (output.shape_of) return Sizes{static_cast<std::int64_t>(of->size())};
  if (output.data_elements >= 0) return Sizes{-1};
  if (output.reshaped_by < 0) return of;
  return values_of(engine_.plan().inputs[static_cast<std::size_t>(output.reshaped_by)]);
}

nvinfer1::Dims Context::getTensorShape(const char* tensor) const noexcept {
  const Input* input = engine_.find_input(tensor);
  const auto sizes = input != nullptr ? input_sizes(*input) : output_sizes(*engine_.find_output(tensor));
  return sizes ? to_dims(*sizes) : engine_.getTensorShape(tensor);
}

std::int32_t Context::inferShapes(std::int32_t count, const char** names) noexcept {
  if (engine_.plan().failure == "infer") return fail("shapes cannot be inferred"), -1;
  std::int32_t missing = 0;
  for (const Input& input : engine_.plan().inputs) {
    if (input_sizes(input) && (!input.host || addresses_.contains(input.name))) continue;
    if (missing < count) names[missing] = input.name.c_str();
    ++missing;
  }
  if (missing > 0) return missing;
  for (const Output& output : engine_.plan().outputs) {
    if (output.reshaped_by < 0) continue;
    const auto sizes = output_sizes(output);
    if (element_count(*sizes) != element_count(*input_sizes(engine_.plan().inputs[output.of]))) {
      return fail("the values are no shape of the input's elements"), -1;
    }
  }
  write_shape_outputs();
  return 0;
}

void Context::write_shape_outputs() {
  for (const Output& output : engine_.plan().outputs) {
    if (!output.shape_of || !addresses_.contains(output.name)) continue;
    const auto sizes = *input_sizes(engine_.plan().inputs[output.of]);
    std::memcpy(addresses_[output.name], sizes.data(), sizes.size() * 8);
  }
}

std::int64_t Context::getMaxOutputSize(const char* tensor) const noexcept {
  const Output& output = *engine_.find_output(tensor);
  const auto of = input_sizes(engine_.plan().inputs[output.of]);
  return of ? element_count(*of) * static_cast<std::int64_t>(byte_size(output.type)) : -1;
}

std::size_t Context::memory_needed() const {
  const auto sizes = input_sizes(engine_.plan().inputs[0]);
  return static_cast<std::size_t>(engine_.plan().memory_per_element * (sizes ? element_count(*sizes) : 0));
}

std::size_t Context::updateDeviceMemorySizeForShapes() noexcept {
  if (engine_.plan().failure == "memory") return fail("sizes overflow"), 0;
  if (!engine_.answers("updateDeviceMemorySizeForShapes", 10, 0)) return 0;
  memory_ = 0;
  memory_bytes_ = 0;
  return memory_needed();
}

void Context::setDeviceMemory(void* memory) noexcept {
  if (!takes_memory_) {
    fail("the context was not created with createExecutionContextWithoutDeviceMemory");
    return;
  }
  memory_ = reinterpret_cast<CUdeviceptr>(memory);
  memory_bytes_ = static_cast<std::int64_t>(engine_.getDeviceMemorySize());
}

void Context::setDeviceMemoryV2(void* memory, std::int64_t size) noexcept {
  if (!engine_.answers("setDeviceMemoryV2", 10, 1)) return;
  memory_ = reinterpret_cast<CUdeviceptr>(memory);
  memory_bytes_ = size;
}

bool Context::setTensorAddress(const char* tensor, void* data) noexcept {
  if (engine_.plan().failure == "address") return fail("the address will not do");
  const bool on_device = engine_.getTensorLocation(tensor) == nvinfer1::TensorLocation::kDEVICE;
  if (on_device && data != nullptr && !is_device_memory(reinterpret_cast<CUdeviceptr>(data))) {
    return fail("the address is none on the device, or not aligned to 256 bytes");
  }
  ++state().addresses_set;
  addresses_[tensor] = data;
  return true;
}

bool Context::is_device_memory(CUdeviceptr address) const {
  unsigned type = 0;
  const bool known = driver_.cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, address) == CUDA_SUCCESS;
  return known && type == CU_MEMORYTYPE_DEVICE && address % 256 == 0;
}

bool Context::setOutputAllocator(const char* tensor, nvinfer1::IOutputAllocator* allocator) noexcept {
  if (engine_.plan().failure == "allocator") return fail("no allocator here");
  allocators_[tensor] = allocator;
  return true;
}

bool Context::setTemporaryStorageAllocator(nvinfer1::IGpuAllocator* allocator) noexcept {
  if (engine_.plan().failure == "temporary") return fail("no allocator of that kind");
  temporary_ = allocator;
  return true;
}

void Context::setAuxStreams(cudaStream_t* streams, std::int32_t count) noexcept {
  ++state().aux_streams_set;
  aux_streams_.assign(streams, streams + count);
}

bool Context::setInputConsumedEvent(cudaEvent_t event) noexcept {
  consumed_ = event;
  return true;
}

bool Context::reportToProfiler() const noexcept {
  if (profiler_ == nullptr || emits_profile_ || !has_run_) return fail("nothing was profiled");
  for (const Output& output : engine_.plan().outputs) profiler_->reportLayerTime(output.name.c_str(), 0.5f);
  return true;
}

CUdeviceptr Context::address(const std::string& tensor) const {
  const auto found = addresses_.find(tensor);
  return found == addresses_.end() ? 0 : reinterpret_cast<CUdeviceptr>(found->second);
}

bool Context::is_ready() {
  for (const Input& input : engine_.plan().inputs) {
    if (!input_sizes(input)) return fail("input " + input.name + " has no shape");
    if (address(input.name) == 0) return fail("input " + input.name + " has no address");
  }
  for (const Output& output : engine_.plan().outputs) {
    if (address(output.name) == 0 && !allocators_.contains(output.name)) {
      return fail("output " + output.name + " has no address");
    }
    if (!output.alias.empty() && address(output.alias) != address(output.name)) return fail("aliases lie apart");
  }
  const auto needed = static_cast<std::int64_t>(memory_needed());
  return memory_bytes_ >= needed || fail("the context has no memory");
}

void Context::make_missing_aux_streams() {
  for (std::size_t i = aux_streams_.size(); i < joins_.size(); ++i) {
    if (own_aux_streams_.size() <= i) own_aux_streams_.resize(i + 1);
    if (!own_aux_streams_[i]) own_aux_streams_[i] = must(cuda::create_stream(driver_));
    aux_streams_.push_back(own_aux_streams_[i].get());
    ++state().own_aux_streams;
  }
}

/// As for a size that only data tells: taken and given back within the enqueue.
bool Context::use_temporary_storage(CUstream stream) {
  constexpr std::uint32_t kWords = 64;
  if (temporary_ == nullptr) {
    ++state().own_temporary_storage;
    return true;
  }
  void* memory = temporary_->allocateAsync(kWords * 4, 256, 0, stream);
  if (memory == nullptr) return fail("no temporary storage");
  const bool filled =
      engine_.kernels().fill_u32(stream, reinterpret_cast<CUdeviceptr>(memory), 1, kWords) == CUDA_SUCCESS;
  return temporary_->deallocateAsync(memory, stream) && filled;
}

bool Context::place_data_dependent(const Output& output, CUstream stream) {
  const std::int64_t most = element_count(*input_sizes(engine_.plan().inputs[output.of]));
  const std::int64_t count = std::min(output.data_elements, most);
  const auto bytes = static_cast<std::uint64_t>(count) * byte_size(output.type);
  const auto extra = static_cast<std::uint64_t>(output.asks_extra);
  const auto allocator = allocators_.find(output.name);
  if (allocator == allocators_.end()) return fail("output " + output.name + " has no allocator");
  void* memory = allocator->second->reallocateOutputAsync(output.name.c_str(), addresses_[output.name],
                                                          std::max<std::uint64_t>(1, bytes + extra), 256, stream);
  if (memory == nullptr) return fail("output " + output.name + " has no memory");
  if (!is_device_memory(reinterpret_cast<CUdeviceptr>(memory)))
    return fail("output " + output.name + " is not aligned");
  // All that was asked for may be written to.
  const auto words = static_cast<std::uint32_t>((bytes + extra) / 4);
  if (extra > 0 &&
      engine_.kernels().fill_u32(stream, reinterpret_cast<CUdeviceptr>(memory), ~0u, words) != CUDA_SUCCESS) {
    return fail("the driver refuses work");
  }
  addresses_[output.name] = memory;
  allocator->second->notifyShape(output.name.c_str(), to_dims({count}));
  return true;
}

CUresult Context::compute(const Output& output, CUstream stream) {
  const Input& of = engine_.plan().inputs[output.of];
  std::int64_t elements = element_count(*input_sizes(of));
  if (output.data_elements >= 0) elements = std::min(output.data_elements, elements);
  const auto count = static_cast<std::uint32_t>(elements);
  const CUdeviceptr target = address(output.name);
  const CUdeviceptr source = address(of.name);
  if (output.shape_of || count == 0) return CUDA_SUCCESS;
  if (output.records_sms) {
    return engine_.kernels().record_sm(stream, target, count, std::chrono::microseconds(20));
  }
  CUresult result = CUDA_SUCCESS;
  if (byte_size(output.type) != 4) {
    return target == source ? result
                            : driver_.cuMemcpyDtoDAsync(target, source, count * byte_size(output.type), stream);
  }
  if (target != source) result = engine_.kernels().copy_u32(stream, target, source, count);
  if (result != CUDA_SUCCESS || output.add == 0) return result;
  return engine_.kernels().add_u32(stream, target, output.add, count);
}

bool Context::enqueueV3(cudaStream_t stream) noexcept {
  if (engine_.plan().failure == "enqueue") return fail("the GPU said no");
  make_missing_aux_streams();
  const bool enqueued = is_ready() && enqueue(stream);
  // Given for this enqueue, not for the next.
  aux_streams_.clear();
  return enqueued;
}

bool Context::enqueue(CUstream stream) {
  for (const Output& output : engine_.plan().outputs) {
    if (output.data_elements < 0) continue;
    if (!use_temporary_storage(stream) || !place_data_dependent(output, stream)) return false;
  }
  write_shape_outputs();
  if (!run(stream)) return fail("the driver refuses work");
  ++state().enqueues;
  has_run_ = true;
  return true;
}

/// Output k runs on the k-th of the main and the auxiliary streams, which fork from the main one and join it.
bool Context::run(CUstream stream) {
  CUresult worst = CUDA_SUCCESS;
  const auto note = [&](CUresult result) { worst = worst == CUDA_SUCCESS ? result : worst; };
  if (memory_ != 0) {
    note(engine_.kernels().fill_u32(stream, memory_, 1, static_cast<std::uint32_t>(memory_needed() / 4)));
  }
  if (const int present = engine_.plan().profiles; present > 1) {
    note(driver_.cuMemcpyDtoDAsync(profile_data(present + 1), profile_data(present), 4, stream));
  }
  if (!aux_streams_.empty()) note(driver_.cuEventRecord(fork_.get(), stream));
  for (const CUstream aux : aux_streams_) note(driver_.cuStreamWaitEvent(aux, fork_.get(), 0));
  for (std::size_t i = 0; i < engine_.plan().outputs.size(); ++i) {
    const std::size_t lane = i % (aux_streams_.size() + 1);
    note(compute(engine_.plan().outputs[i], lane == 0 ? stream : aux_streams_[lane - 1]));
  }
  if (engine_.plan().failure == "join") {
    state().left_running = aux_streams_.back();
    return false;
  }
  for (std::size_t i = 0; i < aux_streams_.size(); ++i) {
    note(driver_.cuEventRecord(joins_[i].get(), aux_streams_[i]));
    note(driver_.cuStreamWaitEvent(stream, joins_[i].get(), 0));
  }
  if (consumed_ != nullptr) note(driver_.cuEventRecord(consumed_, stream));
  if (engine_.streams_weights()) note(driver_.cuStreamSynchronize(stream));
  return worst == CUDA_SUCCESS;
}

}  // namespace etrt::fake
