#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <cuda/driver.h>
#include <etrt/result.h>
#include <support/gate.h>
#include <support/kernel_library.h>

namespace etrt::support {

/// Something that provides a `cuda::Driver`, as the tests see it. One object a test: nothing carries over.
/// Threads: the table as the table says; the rest from the test's thread.
class Provider {
 public:
  virtual ~Provider() = default;

  virtual const cuda::Driver& driver() const = 0;

  /// What cuModuleLoadData takes to load `KernelLibrary`.
  virtual const void* kernel_image() const = 0;

  virtual Result<std::unique_ptr<GateKeeper>> create_gates(const KernelLibrary& kernels) = 0;

  /// Makes contexts of later tests cheap, where making one is dear: a GPU takes most of a second. Primary contexts then
  /// stay active for the rest of the process.
  virtual void keep_contexts() {}

  /// Mistakes of stream ordering seen since the last call; none where nobody looks for them.
  virtual std::vector<std::string> take_order_reports() = 0;

  /// What a test has left behind, one line each; none where nobody counts.
  virtual std::vector<std::string> leaks() const = 0;
};

/// A provider by name, and how to open it. `kNotFound` means that this machine has none, which skips a test; any other
/// error fails it.
struct ProviderInfo {
  std::string name;
  std::function<Result<std::unique_ptr<Provider>>()> open;
};

/// How gtest prints the parameter of a test.
inline void PrintTo(const ProviderInfo& info, std::ostream* out) {
  *out << info.name;
}

/// Every provider: "vgpu" with its order checker on, and "cuda".
const std::vector<ProviderInfo>& providers();

Result<std::unique_ptr<Provider>> open_vgpu_provider();
Result<std::unique_ptr<Provider>> open_cuda_provider();

/// Opens a provider for the current test. Null after a skip, with the reason, or a failure: return from the test then.
std::unique_ptr<Provider> open_or_skip(const ProviderInfo& info);

}  // namespace etrt::support

/// Runs the suite, a `TestWithParam<ProviderInfo>`, on every provider.
#define ETRT_ON_EVERY_PROVIDER(suite)                               \
  INSTANTIATE_TEST_SUITE_P(                                         \
      On, suite, ::testing::ValuesIn(::etrt::support::providers()), \
      [](const ::testing::TestParamInfo<::etrt::support::ProviderInfo>& info) { return info.param.name; })
