#include <algorithm>

#include <base/format.h>
#include <base/try.h>
#include <delegate/call/data_dependent.h>

namespace etrt::delegate {

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
    auto staged = slot_.stage(*index, std::max(bytes, argument.bytes), stream);
    if (!staged.ok()) {
      fail(std::move(staged).error().within(base::concat("staging of ", bytes, " bytes for output '", info.name, "'")));
      return 0;
    }
    address = *staged;
  }
  argument.engine_address = address;
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
    const bool missing = arguments_[i].engine_address == 0 && arguments_[i].bytes > 0;
    if (!plan_.arguments[i].info.data_dependent || !missing) continue;
    return Error(ErrorCode::kInternal, base::concat("the engine asked for no memory for output '",
                                                    plan_.arguments[i].info.name, "' and says that it is not empty"));
  }
  return {};
}

}  // namespace etrt::delegate
