#include <algorithm>

#include <base/format.h>
#include <base/try.h>
#include <delegate/data_dependent.h>

namespace etrt::delegate {

DataDependentOutputs::DataDependentOutputs(const IoPlan& plan, Arguments& arguments, Lane& lane)
    : plan_(plan), arguments_(arguments), lane_(lane) {
  if (!plan.has_data_dependent_outputs) return;
  lane.context().set_output_allocator(this);
  for (std::size_t i = plan.input_count; i < plan.arguments.size(); ++i) {
    if (plan.arguments[i].info.data_dependent) lane.bound[i] = {};
  }
}

DataDependentOutputs::~DataDependentOutputs() {
  if (plan_.has_data_dependent_outputs) lane_.context().set_output_allocator(nullptr);
}

std::optional<std::size_t> DataDependentOutputs::argument_of(std::size_t tensor) const {
  for (std::size_t i = plan_.input_count; i < plan_.arguments.size(); ++i) {
    if (plan_.arguments[i].tensor == tensor) return i;
  }
  return std::nullopt;
}

void DataDependentOutputs::fail(Error error) {
  if (status_.ok()) status_ = std::move(error);
}

std::uint64_t DataDependentOutputs::allocate(std::size_t tensor, std::size_t bytes, cuda::StreamRef stream) {
  const auto index = argument_of(tensor);
  if (!index) return 0;
  Argument& argument = arguments_[*index];
  const engine::TensorInfo& info = plan_.arguments[*index].info;
  std::uint64_t address = argument.address();
  if (argument.placement == Placement::kDevice && bytes > argument.bytes) argument.placement = Placement::kDeviceStaged;
  if (argument.placement != Placement::kDevice) {
    auto staged = lane_.staging[*index].reserve(std::max(bytes, argument.bytes), stream);
    if (!staged.ok()) {
      fail(std::move(staged).error().within(base::concat("staging of ", bytes, " bytes for output '", info.name, "'")));
      return 0;
    }
    address = *staged;
  }
  lane_.bound[*index] = {address, argument.bytes};
  return address;
}

void DataDependentOutputs::set_shape(std::size_t tensor, const engine::Dims& dims) {
  const auto index = argument_of(tensor);
  if (!index) return;
  if (Status resized = resize_output(plan_.arguments[*index], arguments_[*index], dims); !resized.ok()) {
    fail(std::move(resized).error());
  }
}

Status DataDependentOutputs::take_status() {
  return std::exchange(status_, Status());
}

Status DataDependentOutputs::check_allocated() const {
  for (std::size_t i = plan_.input_count; i < plan_.arguments.size(); ++i) {
    const bool missing = lane_.bound[i].address == 0 && arguments_[i].bytes > 0;
    if (!plan_.arguments[i].info.data_dependent || !missing) continue;
    return Error(ErrorCode::kInternal, base::concat("the engine asked for no memory for output '",
                                                    plan_.arguments[i].info.name, "' and says that it is not empty"));
  }
  return {};
}

}  // namespace etrt::delegate
