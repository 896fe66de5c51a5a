// Opens real TensorRT libraries with the adapter of this build and says what came of it: `tensorrt_check PROGRAM
// LIBRARY...`, where PROGRAM holds a plan of TensorRT-RTX. Every library must open and every plan must end in an engine
// or in an error; anything else is a crash. Needs no GPU, and uses one that is there.

#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include <executorch/runtime/platform/runtime.h>

#include <engine/tensorrt/adapters.h>
#include <engine/tensorrt/library.h>
#include <engine/tensorrt/plan_header.h>
#include <process/process.h>

namespace {

using namespace etrt;
using namespace etrt::engine::tensorrt;

std::vector<std::byte> plan_in_program(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const auto begin = bytes.find(std::string("vtrt\0\0\0\0", 8));
  if (begin == std::string::npos) return {};
  const auto plan = std::as_bytes(std::span(bytes).subspan(begin));
  return {plan.begin(), plan.end()};
}

/// No engine, but a header that the library takes for its own: the runtime has to be made to find that out.
std::vector<std::byte> hollow_plan(const Version& version) {
  std::vector<std::byte> plan(64);
  std::memcpy(plan.data(), "ftrt", 4);
  plan[24] = static_cast<std::byte>(version.major);
  plan[25] = static_cast<std::byte>(version.minor);
  plan[26] = static_cast<std::byte>(version.patch);
  return plan;
}

void try_plan(const char* what, const engine::Loader& loader, const cuda::Device& device,
              std::span<const std::byte> plan, const std::string& library) {
  engine::EngineOptions options;
  options.tensorrt_library = library;
  const auto engine = loader.load(device, plan, options);
  std::cout << "  " << what << ": " << (engine.ok() ? "runs" : engine.error().message()) << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  executorch::runtime::runtime_init();
  const auto device = process::Process::instance().devices().open("auto");
  const auto plan = argc > 1 ? plan_in_program(argv[1]) : std::vector<std::byte>();
  if (!device.ok() || plan.empty()) {
    std::cerr << "tensorrt_check: no device, or no plan in the first argument\n";
    return 2;
  }
  for (const Product product : {Product::kTensorRt, Product::kTensorRtRtx}) {
    const Adapter* adapter = adapter_of(product);
    std::cout << "headers of " << info(product).name << ": " << (adapter ? to_string(adapter->headers) : "none")
              << "\n";
  }
  engine::Loaders& loaders = process::Process::instance().loaders();
  int failures = 0;
  for (int i = 2; i < argc; ++i) {
    const auto library = loaders.tensorrt_libraries().opened().open(argv[i]);
    if (!library.ok()) {
      std::cout << argv[i] << ": " << library.error().message() << "\n";
      ++failures;
      continue;
    }
    const Version version = (*library)->version;
    std::cout << (*library)->path << ": version " << to_string(version) << "\n";
    try_plan("the TensorRT-RTX plan", *loaders.find("tensorrt_rtx"), **device, plan, argv[i]);
    try_plan("a plan without an engine", *loaders.find("tensorrt"), **device, hollow_plan(version), argv[i]);
  }
  return failures == 0 ? 0 : 1;
}
