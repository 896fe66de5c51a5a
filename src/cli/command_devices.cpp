// etrt devices: what programs can run on here.

#include <nlohmann/json.hpp>

#include <base/format.h>
#include <base/try.h>
#include <cli/commands.h>
#include <cli/output.h>
#include <cli/table.h>
#include <cli/tensorrt_report.h>
#include <cli/text.h>
#include <etrt/device.h>

namespace etrt::cli {
namespace {

nlohmann::ordered_json to_json(const Device& device) {
  nlohmann::ordered_json entry{
      {"name", device.name()},    {"description", device.description()},   {"virtual", device.is_virtual()},
      {"sms", device.sm_count()}, {"memory_bytes", device.memory_bytes()}, {"compute_capability", nullptr},
      {"partition", nullptr}};
  if (!device.compute_capability().empty()) entry["compute_capability"] = device.compute_capability();
  if (const auto limits = device.partition_limits(); limits.ok()) {
    entry["partition"] = {{"minimum", limits->minimum}, {"alignment", limits->alignment}};
  }
  return entry;
}

std::vector<std::string> to_row(const Device& device) {
  const auto limits = device.partition_limits();
  const std::string capability = device.compute_capability();
  const std::string memory = bytes_text(device.memory_bytes());
  return {device.name(),
          printable(device.description()),
          std::to_string(device.sm_count()),
          memory.substr(0, memory.find(" (")),
          capability.empty() ? "-" : capability,
          limits.ok() ? std::to_string(limits->minimum) : "-",
          limits.ok() ? std::to_string(limits->alignment) : "-"};
}

}  // namespace

Status command_devices(const DevicesOptions& options) {
  const std::vector<Device> devices = Device::all();
  const std::string why_no_gpu = Device::why_no_gpu();
  const std::vector<TensorRtReport> tensorrt = look_for_tensorrt();
  if (options.json) {
    nlohmann::ordered_json document{{"devices", nlohmann::ordered_json::array()}, {"why_no_gpu", nullptr}};
    for (const Device& device : devices) document["devices"].push_back(to_json(device));
    if (!why_no_gpu.empty()) document["why_no_gpu"] = why_no_gpu;
    document["tensorrt"] = tensorrt_json(tensorrt);
    return print(document);
  }
  Table table({{"device"},
               {"description"},
               {"SMs", Align::kRight},
               {"memory", Align::kRight},
               {"compute", Align::kRight},
               {"smallest partition", Align::kRight},
               {"multiples of", Align::kRight}});
  for (const Device& device : devices) table.add_row(to_row(device));
  std::string text = table.to_string();
  if (!why_no_gpu.empty()) text += base::concat("\nNo GPU here: ", printable(why_no_gpu, 1000), "\n");
  return print(text + "\n" + tensorrt_text(tensorrt));
}

}  // namespace etrt::cli
