#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <executorch/runtime/core/evalue.h>

#include <etrt/pte.h>

/// A backend that stands in for etrt's under the same id, and writes down what ExecuTorch hands it.
namespace etrt::pte::testing {

struct SeenTensor {
  executorch::aten::ScalarType type{};
  std::vector<std::int32_t> sizes;
  const void* data = nullptr;
  bool cuda = false;

  friend bool operator==(const SeenTensor&, const SeenTensor&) = default;
};

/// What the fake backend saw since the last `reset`, and what it shall do. Threads: the test's own only.
struct FakeBackend {
  std::vector<std::byte> blob;  ///< a copy
  std::uintptr_t blob_address = 0;
  bool blob_in_mapped_file = false;  ///< of the file `mapped_file`, at the time of init
  std::string mapped_file;
  std::vector<CompileSpec> compile_specs;
  std::vector<SeenTensor> args;  ///< of the last execute, on entry
  std::function<void(executorch::runtime::Span<executorch::runtime::EValue*>)> run;

  static FakeBackend& get();
  static FakeBackend& reset();
};

}  // namespace etrt::pte::testing
