#include <algorithm>
#include <delegate_fixture.h>
#include <engines/arguments.h>

namespace etrt::test {
namespace {

std::size_t bytes_of(const std::vector<std::int32_t>& sizes, std::size_t element) {
  for (const std::int32_t size : sizes) element *= static_cast<std::size_t>(size);
  return element;
}

}  // namespace

Arguments::Arguments(const EngineFiles& files, const std::vector<Array>& inputs, const Device& device, Place place)
    : device_(device), input_count_(inputs.size()) {
  std::size_t input = 0;
  for (const blob::Binding& binding : files.metadata.io_bindings) {
    if (!binding.is_input) continue;
    add(inputs[input++], false, binding.name == "shape" ? Place::kHost : place);
  }
  for (const blob::Binding& binding : files.metadata.io_bindings) {
    if (!binding.is_input) add(largest(binding), true, place);
  }
}

void Arguments::add(Array array, bool is_output, Place place) {
  Argument& argument = arguments_.emplace_back();
  argument.host = std::move(array);
  void* data = argument.host.data.data();
  if (place == Place::kDevice) {
    const std::size_t bytes = std::max<std::size_t>(1, argument.host.data.size());
    argument.buffer = std::make_unique<Buffer>(must(Buffer::on_device(device_, bytes)));
    copy_now(device_, argument.buffer->data(), data, argument.host.data.size());
    data = argument.buffer->data();
  }
  TestTensor::Kind kind{.type = static_cast<ScalarType>(argument.host.type->code)};
  if (is_output) kind.dynamism = TensorShapeDynamism::DYNAMIC_BOUND;
  argument.tensor = std::make_unique<TestTensor>(argument.host.sizes, data, kind);
}

std::vector<EValue*> Arguments::values() const {
  std::vector<EValue*> values;
  for (const Argument& argument : arguments_) values.push_back(argument.tensor->value());
  return values;
}

std::vector<Array> Arguments::outputs() const {
  std::vector<Array> outputs;
  for (std::size_t i = input_count_; i < arguments_.size(); ++i) {
    const Argument& argument = arguments_[i];
    Array& output = outputs.emplace_back(Array{argument.host.type, argument.tensor->sizes(), {}});
    output.data.resize(bytes_of(output.sizes, output.type->size));
    const void* source = argument.buffer != nullptr ? argument.buffer->data() : argument.host.data.data();
    copy_now(device_, output.data.data(), source, output.data.size());
  }
  return outputs;
}

void Arguments::spoil_outputs() {
  for (std::size_t i = input_count_; i < arguments_.size(); ++i) {
    Argument& argument = arguments_[i];
    std::fill(argument.host.data.begin(), argument.host.data.end(), std::byte{0x55});
    if (argument.buffer == nullptr) continue;
    copy_now(device_, argument.buffer->data(), argument.host.data.data(), argument.host.data.size());
  }
}

}  // namespace etrt::test
