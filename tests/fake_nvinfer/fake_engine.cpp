#include <algorithm>
#include <fake_nvinfer/fake_context.h>
#include <fake_nvinfer/fake_engine.h>
#include <memory>

#include <support/must.h>

namespace etrt::fake {

using nvinfer1::OptProfileSelector;

State& state() {
  static State instance;
  return instance;
}

std::size_t byte_size(int type) {
  switch (static_cast<nvinfer1::DataType>(type)) {
    case nvinfer1::DataType::kINT64:
      return 8;
    case nvinfer1::DataType::kFLOAT:
    case nvinfer1::DataType::kINT32:
      return 4;
    case nvinfer1::DataType::kHALF:
    case nvinfer1::DataType::kBF16:
      return 2;
    default:
      return 1;
  }
}

std::int64_t element_count(const std::vector<std::int64_t>& dims) {
  std::int64_t count = 1;
  for (const std::int64_t size : dims) count *= size;
  return count;
}

nvinfer1::Dims to_dims(const std::vector<std::int64_t>& sizes) {
  nvinfer1::Dims dims{};
  dims.nbDims = static_cast<std::int32_t>(sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) dims.d[i] = sizes[i];
  return dims;
}

Alive<Engine>& engines() {
  static Alive<Engine> instance;
  return instance;
}

Engine::Engine(Plan plan, nvinfer1::ILogger& logger, std::shared_ptr<std::atomic<int>> of_runtime)
    : plan_(std::move(plan)),
      logger_(logger),
      driver_(*state().driver),
      kernels_(support::must(support::KernelLibrary::load(driver_, state().kernel_image))),
      of_runtime_(std::move(of_runtime)),
      budget_(plan_.streamable_weights) {
  engines().add(this);
  ++*of_runtime_;
  ++state().engines_alive;
}

Engine::~Engine() {
  engines().remove(this);
  --*of_runtime_;
  --state().engines_alive;
}

const Input* Engine::find_input(const std::string& name) const {
  for (const Input& input : plan_.inputs) {
    if (input.name == name) return &input;
  }
  return nullptr;
}

const Output* Engine::find_output(const std::string& name) const {
  for (const Output& output : plan_.outputs) {
    if (output.name == name) return &output;
  }
  return nullptr;
}

std::int32_t Engine::getNbIOTensors() const noexcept {
  return static_cast<std::int32_t>(plan_.inputs.size() + plan_.outputs.size());
}

const char* Engine::getIOTensorName(std::int32_t index) const noexcept {
  const auto i = static_cast<std::size_t>(index);
  return i < plan_.inputs.size() ? plan_.inputs[i].name.c_str() : plan_.outputs[i - plan_.inputs.size()].name.c_str();
}

nvinfer1::TensorIOMode Engine::getTensorIOMode(const char* tensor) const noexcept {
  return find_input(tensor) != nullptr ? nvinfer1::TensorIOMode::kINPUT : nvinfer1::TensorIOMode::kOUTPUT;
}

nvinfer1::DataType Engine::getTensorDataType(const char* tensor) const noexcept {
  const Input* input = find_input(tensor);
  return static_cast<nvinfer1::DataType>(input != nullptr ? input->type : find_output(tensor)->type);
}

nvinfer1::TensorLocation Engine::getTensorLocation(const char* tensor) const noexcept {
  return isShapeInferenceIO(tensor) ? nvinfer1::TensorLocation::kHOST : nvinfer1::TensorLocation::kDEVICE;
}

bool Engine::isShapeInferenceIO(const char* tensor) const noexcept {
  const Input* input = find_input(tensor);
  return input != nullptr ? input->host : find_output(tensor)->shape_of;
}

nvinfer1::Dims Engine::getTensorShape(const char* tensor) const noexcept {
  if (const Input* input = find_input(tensor)) return to_dims(input->dims);
  const Output& output = *find_output(tensor);
  const Input& of = plan_.inputs[output.of];
  if (output.shape_of) return to_dims({static_cast<std::int64_t>(of.dims.size())});
  if (output.data_elements >= 0) return to_dims({-1});
  if (output.reshaped_by < 0) return to_dims(of.dims);
  const Input& values = plan_.inputs[static_cast<std::size_t>(output.reshaped_by)];
  return to_dims(std::vector<std::int64_t>(static_cast<std::size_t>(element_count(values.dims)), -1));
}

nvinfer1::TensorFormat Engine::getTensorFormat(const char* tensor) const noexcept {
  const Input* input = find_input(tensor);
  return static_cast<nvinfer1::TensorFormat>(input != nullptr ? input->format : 0);
}

const char* Engine::getTensorFormatDesc(const char* tensor) const noexcept {
  return getTensorFormat(tensor) == nvinfer1::TensorFormat::kLINEAR ? "row-major linear" : "channels last";
}

const char* Engine::getAliasedInputTensor(const char* tensor) const noexcept {
  if (!answers("getAliasedInputTensor", 10, 15)) return nullptr;
  const Output* output = find_output(tensor);
  return output == nullptr || output->alias.empty() ? nullptr : output->alias.c_str();
}

std::int32_t Engine::getNbOptimizationProfiles() const noexcept {
  return plan_.profiles;
}

nvinfer1::Dims Engine::getProfileShape(const char* tensor, std::int32_t profile,
                                       OptProfileSelector which) const noexcept {
  const Range& range = find_input(tensor)->profiles[static_cast<std::size_t>(profile)];
  if (which == OptProfileSelector::kMIN) return to_dims(range.minimum);
  return to_dims(which == OptProfileSelector::kMAX ? range.maximum : range.preferred);
}

const std::int64_t* Engine::getProfileTensorValuesV2(const char* tensor, std::int32_t profile,
                                                     OptProfileSelector which) const noexcept {
  if (!answers("getProfileTensorValuesV2", 10, 11)) return nullptr;
  const auto* values = profile_values(tensor, profile, which);
  return values == nullptr ? nullptr : values->data();
}

const std::int32_t* Engine::getProfileTensorValues(const char* tensor, std::int32_t profile,
                                                   OptProfileSelector which) const noexcept {
  if (!answers("getProfileTensorValues", 10, 0)) return nullptr;
  const auto* values = profile_values(tensor, profile, which);
  if (values == nullptr) return nullptr;
  return narrow_values_.emplace_back(values->begin(), values->end()).data();
}

const std::vector<std::int64_t>* Engine::profile_values(const char* tensor, std::int32_t profile,
                                                        OptProfileSelector which) const {
  const Input* input = find_input(tensor);
  if (input == nullptr || !input->host || input->profiles.empty()) return nullptr;
  const Range& range = input->profiles[static_cast<std::size_t>(profile)];
  const auto* values = &range.preferred_values;
  if (which == OptProfileSelector::kMIN) values = &range.minimum_values;
  if (which == OptProfileSelector::kMAX) values = &range.maximum_values;
  return values->empty() ? nullptr : values;
}

std::int32_t Engine::getNbAuxStreams() const noexcept {
  return plan_.aux_streams;
}

std::int64_t Engine::getStreamableWeightsSize() const noexcept {
  return answers("getStreamableWeightsSize", 10, 0) ? plan_.streamable_weights : 0;
}

std::int64_t Engine::getWeightStreamingAutomaticBudget() const noexcept {
  return plan_.automatic_budget;
}

std::int64_t Engine::getWeightStreamingBudgetV2() const noexcept {
  return budget_;
}

bool Engine::setWeightStreamingBudgetV2(std::int64_t budget) noexcept {
  if (budget < 0 || contexts_ > 0 || plan_.failure == "budget") {
    error("the budget cannot be set");
    return false;
  }
  budget_ = budget;
  state().budget = budget;
  return true;
}

std::int64_t Engine::getEngineStat(nvinfer1::EngineStat) const noexcept {
  return answers("getEngineStat", 10, 14) ? plan_.weights : -1;
}

std::int64_t Engine::getDeviceMemorySizeV2() const noexcept {
  return answers("getDeviceMemorySizeV2", 10, 1) ? static_cast<std::int64_t>(getDeviceMemorySize()) : 0;
}

std::size_t Engine::getDeviceMemorySize() const noexcept {
  std::int64_t largest = plan_.inputs.empty() ? 0 : element_count(plan_.inputs[0].dims);
  for (const Range& range : plan_.inputs[0].profiles) largest = std::max(largest, element_count(range.maximum));
  return static_cast<std::size_t>(plan_.memory_per_element * largest);
}

bool Engine::answers(const char* call, int major, int minor) const {
  if (plan_.version >= std::vector<int>{major, minor}) return true;
  error(std::string(call) + " is not supported for engine created before " + static_cast<char>(major) + "." +
        std::to_string(minor));
  return false;
}

nvinfer1::IExecutionContext* Engine::createExecutionContextWithoutDeviceMemory() noexcept {
  if (plan_.failure == "context") {
    error("no memory for a context");
    return nullptr;
  }
  return std::make_unique<Context>(*this, true).release();
}

nvinfer1::IExecutionContext* Engine::createExecutionContext(
    nvinfer1::ExecutionContextAllocationStrategy strategy) noexcept {
  if (strategy != nvinfer1::ExecutionContextAllocationStrategy::kUSER_MANAGED || plan_.failure == "context") {
    error("no memory for a context");
    return nullptr;
  }
  return std::make_unique<Context>(*this, plan_.version >= std::vector<int>{10, 0}).release();
}

}  // namespace etrt::fake
