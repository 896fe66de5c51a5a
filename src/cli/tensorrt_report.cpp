#include <nlohmann/json.hpp>

#include <base/format.h>
#include <cli/tensorrt_report.h>
#include <cli/text.h>
#include <engine/tensorrt/adapters.h>
#include <engine/tensorrt/library_search.h>
#include <engine/tensorrt/product.h>
#include <process/process.h>

namespace etrt::cli {

namespace tensorrt = engine::tensorrt;

namespace {

constexpr std::size_t kReason = 1000;

}  // namespace

std::vector<TensorRtReport> look_for_tensorrt() {
  tensorrt::LibrarySearch& libraries = process::Process::instance().loaders().tensorrt_libraries();
  std::vector<TensorRtReport> reports;
  for (const auto product : {tensorrt::Product::kTensorRt, tensorrt::Product::kTensorRtRtx}) {
    const tensorrt::Adapter* adapter = tensorrt::adapter_of(product);
    tensorrt::LibraryRequest request{product};
    if (adapter != nullptr) request.headers = adapter->headers;
    reports.push_back({std::string(tensorrt::info(product).name), adapter != nullptr, libraries.find(request)});
  }
  return reports;
}

std::string tensorrt_text(const std::vector<TensorRtReport>& reports, std::size_t indent) {
  std::string text;
  for (const TensorRtReport& report : reports) {
    text += std::string(indent, ' ') + report.name + ": ";
    text += report.library.ok() ? base::concat(to_string((*report.library)->version), " (",
                                               printable((*report.library)->path, kShownPath), ")")
                                : printable(report.library.error().message(), kReason);
    if (!report.built_in) text += "; this etrt was built without its headers and runs none of its engines";
    text += "\n";
  }
  return text;
}

nlohmann::ordered_json tensorrt_json(const std::vector<TensorRtReport>& reports) {
  auto list = nlohmann::ordered_json::array();
  for (const TensorRtReport& report : reports) {
    nlohmann::ordered_json entry{{"name", report.name},
                                 {"built_in", report.built_in},
                                 {"version", nullptr},
                                 {"library", nullptr},
                                 {"why_none", nullptr}};
    if (report.library.ok()) {
      entry["version"] = to_string((*report.library)->version);
      entry["library"] = (*report.library)->path;
    } else {
      entry["why_none"] = report.library.error().message();
    }
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace etrt::cli
